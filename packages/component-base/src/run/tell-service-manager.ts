import { type Clock, isAborted, type Logger } from '@nodeagent/base';

import type { ServiceManager } from '../ports.js';

/** The source of the agent's health, which decides whether systemd's watchdog is fed. */
export interface TellServiceManagerOptions {
  /** Undefined: nobody listens. */
  readonly manager: ServiceManager | undefined;
  /** Undefined while the agent is healthy. */
  readonly problem: () => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A message that was lost is sent once more after this time. */
const RETRY_MS = 1000;

/**
 * Tells the manager of services that the agent has started, that it is alive, and, once the signal
 * fires, that it is about to end. An unhealthy agent gives no sign of life, and the manager restarts
 * it. The agent runs on if the manager cannot be told; only the first failure is logged.
 *
 * @see Kubernetes 1.36 pkg/kubelet/watchdog/watchdog_linux.go
 */
export async function tellServiceManager(
  { manager, problem, clock, log }: TellServiceManagerOptions,
  signal: AbortSignal,
): Promise<void> {
  if (manager === undefined) return;
  let hasFailed = false;
  const tell = async (state: string): Promise<boolean> => {
    try {
      await manager.notify(state);
      return true;
    } catch (err) {
      if (!hasFailed) log.warn({ err, state }, 'the service manager cannot be told');
      hasFailed = true;
      return false;
    }
  };
  const tellTwice = async (state: string): Promise<void> => {
    if (await tell(state)) return;
    if ((await clock.sleep(RETRY_MS, signal)) === 'elapsed') await tell(state);
  };
  await tellTwice('READY=1');
  if (manager.watchdogMs !== undefined) {
    const periodMs = manager.watchdogMs / 2;
    while (!isAborted(signal)) {
      const startedMs = clock.monotonicMs();
      const ill = problem();
      if (ill === undefined) await tellTwice('WATCHDOG=1');
      else log.warn({ problem: ill }, 'no sign of life for the service manager: not healthy');
      const restMs = Math.max(0, periodMs - (clock.monotonicMs() - startedMs));
      if ((await clock.sleep(restMs, signal)) === 'aborted') break;
    }
  }
  await aborted(signal);
  await tell('STOPPING=1');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
