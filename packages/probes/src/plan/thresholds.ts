import type { ProbeKind, ProbeSpec } from '../model/probe.js';

/** A sequence of attempts with the same result. */
export interface ProbeRun {
  readonly last: 'success' | 'failure';
  readonly count: number;
}

/** The sequence of equal results so far, and the verdict if it has just been reached. */
export interface FoldedResult {
  readonly run: ProbeRun | undefined;
  /** Present when the sequence has reached its threshold. */
  readonly verdict?: 'success' | 'failure';
  /**
   * True when this instance gets no more attempts: its verdict stands until a new instance replaces
   * it.
   */
  readonly hold: boolean;
}

/** Numbers of equal results in a row that decide a verdict. */
export type Thresholds = Pick<ProbeSpec, 'successThreshold' | 'failureThreshold'>;

/**
 * Counts one more result. A failed liveness probe and any decided startup probe hold. An instance
 * that failed is about to be stopped and must not be killed twice; an instance that is up needs no
 * startup probe.
 *
 * @see Kubernetes 1.36 pkg/kubelet/prober/worker.go, doProbe
 */
export function foldResult(
  run: ProbeRun | undefined,
  result: 'success' | 'failure',
  { kind, thresholds }: Readonly<{ kind: ProbeKind; thresholds: Thresholds }>,
): FoldedResult {
  const count = run?.last === result ? run.count + 1 : 1;
  const { successThreshold, failureThreshold } = thresholds;
  if (count < (result === 'success' ? successThreshold : failureThreshold)) {
    return { run: { last: result, count }, hold: false };
  }
  const hold = kind === 'startup' || (kind === 'liveness' && result === 'failure');
  return { run: hold ? undefined : { last: result, count }, verdict: result, hold };
}
