import type { Clock } from '@nodeagent/base';
import { containerId, type RuntimeService } from '@nodeagent/cri-client';
import type { Container } from '@nodeagent/kube-client';

import { detailOf } from '../../images/run/index.js';
import { planHook } from '../plan/hook.js';
import type { HookCaller, HookRequest } from '../ports.js';
import type { RuntimeMeter } from './runtime-metrics.js';

export type Handler = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;

export interface HookTarget {
  readonly containerId: string;
  /** Undefined for a container that only the runtime knows; named ports cannot be resolved then. */
  readonly container: Container | undefined;
  readonly podIp: string | undefined;
}

export interface HookPorts {
  readonly cri: Pick<RuntimeService, 'execSync'>;
  readonly call: HookCaller;
  readonly clock: Clock;
  /** Receives a warning for the user about a hook that succeeded. */
  readonly onFallback?: (message: string) => void;
  readonly meter?: Pick<RuntimeMeter, 'fellBack' | 'sleepEnded'> | undefined;
}

/**
 * Runs one lifecycle hook to its end.
 *
 * @throws {Error} with the message for the user
 */
export async function runHook(
  handler: Handler,
  target: HookTarget,
  ports: HookPorts & Readonly<{ signal: AbortSignal }>,
): Promise<void> {
  const { cri, clock, signal } = ports;
  const hook = planHook(handler, target);
  switch (hook.kind) {
    case 'sleep':
      if ((await clock.sleep(hook.ms, signal)) === 'aborted') ports.meter?.sleepEnded();
      return;
    case 'http':
      return callWeb(hook.request, ports);
    case 'exec': {
      const { command } = hook;
      const id = containerId(target.containerId);
      const result = await cri.execSync({ containerId: id, command }, signal).catch(wrapped);
      if (result.exitCode === 0) return;
      const said = Buffer.from(result.stdout.length > 0 ? result.stdout : result.stderr);
      throw new Error(
        `command '${command.join(' ')}' exited with ${result.exitCode}: ${said.toString('utf8')}`,
      );
    }
  }
}

/**
 * If a server answers an HTTPS request in plain HTTP, the request is repeated once by HTTP without
 * secret headers.
 *
 * @see Kubernetes 1.36 pkg/kubelet/lifecycle/handlers.go, runHTTPHandler
 */
async function callWeb(
  request: HookRequest,
  { call, signal, meter, onFallback }: HookPorts & Readonly<{ signal: AbortSignal }>,
): Promise<void> {
  if ((await call(request, signal)) === 'answered') return;
  const headers = request.headers.filter(({ name }) => name.toLowerCase() !== 'authorization');
  await call({ ...request, scheme: 'http', headers }, signal);
  meter?.fellBack();
  const host = `${request.host}:${request.port}`;
  onFallback?.(
    `request to HTTPS lifecycle hook ${host} got HTTP response, retry with HTTP succeeded`,
  );
}

function wrapped(cause: unknown): never {
  throw new Error(detailOf(cause), { cause });
}
