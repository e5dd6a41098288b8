import type { ProbeSet } from './probe.js';

/** Something with probes, e.g. one container of one pod. */
export interface ProbeSubject {
  /** Unique among the manager's subjects, e.g. `<pod uid>/<container name>`. */
  readonly key: string;
  readonly probes: ProbeSet;
  /**
   * `stopping`: liveness and startup end as successes, readiness continues. `finished`: all probes
   * end.
   */
  readonly phase: 'running' | 'stopping' | 'finished';
  /** The current run of the subject; absent before the first run exists. */
  readonly instance?: ProbedInstance;
}

/** One run of a subject, e.g. a container in the runtime; a restart makes a new one. */
export interface ProbedInstance {
  readonly id: string;
  readonly state: 'running' | 'exited' | 'other';
  /** In wall-clock time; required while running. */
  readonly startedAtMs?: number;
  /** True when it is known to have passed its startup probe, e.g. before this process started. */
  readonly started?: boolean;
  /** True when another instance will follow after an exit. */
  readonly restartable: boolean;
  /** The IP address for network probes that do not name a host. */
  readonly address?: string;
  /** Port numbers by name. */
  readonly ports?: Readonly<Record<string, number>>;
}
