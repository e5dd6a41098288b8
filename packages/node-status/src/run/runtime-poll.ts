import { NO_PROBLEMS } from '../model/facts.js';
import { notReadyReasons } from '../plan/node-status.js';
import { foldRuntimeStatus } from '../plan/runtime-health.js';
import type { Context } from './context.js';

const PERIOD_MS = 5000;
/**
 * The shorter interval until the node has been reported ready, so that a new node becomes ready
 * soon.
 */
const FAST_PERIOD_MS = 100;
const FAST_FOR_MS = 120_000;

/**
 * Polls the runtime's status, and wakes the status loop when the node's readiness, or the reason
 * against it, has changed.
 */
export async function runRuntimePoll(context: Context, signal: AbortSignal): Promise<void> {
  const { clock } = context.options;
  const beganMs = clock.monotonicMs();
  let lastReasons = reasonsText(context);
  while (!signal.aborted) {
    const young = clock.monotonicMs() - beganMs < FAST_FOR_MS;
    const periodMs = young && !context.reportedReady ? FAST_PERIOD_MS : PERIOD_MS;
    if ((await clock.sleep(periodMs, signal)) === 'aborted') return;
    await pollRuntime(context, signal);
    const reasons = reasonsText(context);
    if (reasons !== lastReasons) context.wake.wake();
    lastReasons = reasons;
  }
}

function reasonsText({ health, options: { inputs, clock } }: Context): string {
  const problems = inputs.problems?.() ?? NO_PROBLEMS;
  return notReadyReasons({ health, problems }, clock.monotonicMs()).join('\n');
}

/** Asks once. A failed call changes nothing, so only the time since the last good answer grows. */
export async function pollRuntime(context: Context, signal: AbortSignal): Promise<void> {
  const { inputs, clock, log, onRuntimeHealth } = context.options;
  try {
    const status = await inputs.runtimeStatus(signal);
    context.health = foldRuntimeStatus(context.health, status, clock.monotonicMs());
    onRuntimeHealth?.(context.health);
    context.runtimeVersion ??= await inputs.runtimeVersion(signal);
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'cannot get the status of the container runtime');
  }
}
