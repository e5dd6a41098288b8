export type Verdict = 'success' | 'failure' | 'unknown';

/** What the probes say of one container; absent: no probe of that kind, or no result yet. */
export interface ContainerVerdicts {
  readonly liveness?: Verdict;
  readonly readiness?: Verdict;
  readonly startup?: Verdict;
}

/** By container id, so that a verdict never outlives the container it is about. */
export type ProbeVerdicts = ReadonlyMap<string, ContainerVerdicts>;
