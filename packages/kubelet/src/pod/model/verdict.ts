export type Verdict = 'success' | 'failure' | 'unknown';

/**
 * The probes' verdicts on one container; absent without such a probe, or before its first result.
 */
export interface ContainerVerdicts {
  readonly liveness?: Verdict;
  readonly readiness?: Verdict;
  readonly startup?: Verdict;
}

/** By container id, so that a verdict never outlives its container. */
export type ProbeVerdicts = ReadonlyMap<string, ContainerVerdicts>;
