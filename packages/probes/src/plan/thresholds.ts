import type { ProbeKind, ProbeSpec } from '../model/probe.js';

/** Attempts with the same result, in a row. */
export interface ProbeRun {
  readonly last: 'success' | 'failure';
  readonly count: number;
}

export interface FoldedResult {
  readonly run: ProbeRun | undefined;
  /** Present when the run has reached its threshold. */
  readonly verdict?: 'success' | 'failure';
  /** No more attempts on this instance: its verdict stands until a new one replaces it. */
  readonly hold: boolean;
}

export type Thresholds = Pick<ProbeSpec, 'successThreshold' | 'failureThreshold'>;

/**
 * Counts one more result. A failed liveness probe and any decided startup probe hold: what failed
 * is about to be stopped and must not be killed twice, what is up needs no startup probe.
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
