import type { ProbeSet } from './probe.js';

/** Something with probes, e.g. one container of one pod. */
export interface ProbeSubject {
  /** Unique among the manager's subjects, e.g. `<pod uid>/<container name>`. */
  readonly key: string;
  readonly probes: ProbeSet;
  /**
   * `stopping`: liveness and startup end as successes, readiness goes on. `finished`: all end.
   */
  readonly phase: 'running' | 'stopping' | 'finished';
  /** What carries the subject out at the moment; absent before the first one exists. */
  readonly instance?: ProbedInstance;
}

/** One run of a subject, e.g. a container as the runtime knows it; a restart makes a new one. */
export interface ProbedInstance {
  readonly id: string;
  readonly state: 'running' | 'exited' | 'other';
  /** Wall clock; needed while running. */
  readonly startedAtMs?: number;
  /** Known to have passed its startup probe already, e.g. from before this process began. */
  readonly started?: boolean;
  /** Whether another instance will follow after an exit. */
  readonly restartable: boolean;
  /** IP address that network probes go to unless they name a host. */
  readonly address?: string;
  /** By name. */
  readonly ports?: Readonly<Record<string, number>>;
}
