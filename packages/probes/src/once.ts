import { createHttpProber } from './adapters/http-prober.js';
import { createLocalCommands } from './adapters/local-commands.js';
import { createTcpProber } from './adapters/tcp-prober.js';
import { withDefaults } from './model/probe.js';
import type { ProbeOutcome } from './model/result.js';
import { checkProbes } from './plan/check-probes.js';
import { planOnce, type ShortAction } from './plan/once-action.js';
import type { Prober } from './ports.js';
import { attemptOnce } from './run/attempt.js';
import { createExecProber } from './run/exec-prober.js';

export type { ShortAction } from './plan/once-action.js';

/** Limits of the attempt, and values for what the action leaves open. */
export interface ProbeOnceOptions {
  /** The time limit of the attempt; 1 s when absent. */
  readonly timeoutMs?: number;
  /** The host of actions that name none; `127.0.0.1` when absent. */
  readonly address?: string;
  /** Port numbers by name. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Makes attempts in another way; those that it lacks are made on this machine. */
  readonly prober?: Prober;
  readonly signal?: AbortSignal;
}

/**
 * Makes one attempt and returns its outcome. The action is one of a probe, or an address:
 * `http://host:8080/healthz`, `tcp://host:5432`, `grpc://host:9090/service`. Commands run on this
 * machine.
 *
 * @throws {ProbeError} `PROBE_INVALID`; the signal's reason
 * @example
 * ```ts
 * import { probeOnce } from '@nodeagent/probes/once';
 * import { serveHealth } from '@nodeagent/probes/serve';
 *
 * await using health = await serveHealth();
 * const { result, detail } = await probeOnce(`${health.url}/healthz`);
 * console.log(result, detail); // success ok
 * ```
 */
export async function probeOnce(
  action: ShortAction | string,
  options: ProbeOnceOptions = {},
): Promise<ProbeOutcome> {
  const { timeoutMs = 1000, ports = {}, signal = new AbortController().signal } = options;
  const planned = planOnce(action);
  const instance = {
    id: '',
    state: 'running',
    restartable: false,
    address: planned.address ?? options.address ?? '127.0.0.1',
    ports,
  } as const;
  const probes = { readiness: withDefaults({ action: planned.action, timeoutMs }) };
  checkProbes(probes);
  const prober = { ...localProber(), ...options.prober };
  return attemptOnce(probes.readiness, { prober, instance }, signal);
}

function localProber(): Required<Prober> {
  return {
    http: createHttpProber(),
    tcp: createTcpProber(),
    // loads grpc-js only when it is needed
    grpc: async (request, signal) => {
      const { createGrpcProber } = await import('./adapters/grpc-prober.js');
      return createGrpcProber()(request, signal);
    },
    exec: createExecProber(createLocalCommands()),
  };
}
