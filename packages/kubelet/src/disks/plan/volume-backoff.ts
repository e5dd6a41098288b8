import { backoffLeftMs, type BackoffState, nextBackoff } from '@nodeagent/base';

/** The last operation on a volume, which failed. */
export interface FailedOperation extends BackoffState {
  /** As in metrics: `volume_mount`. */
  readonly operation: string;
  readonly error: unknown;
}

/** @see Kubernetes 1.36 pkg/util/goroutinemap/exponentialbackoff */
const RULES = { initialMs: 500, maxMs: 122_000 };

/** The wait doubles while the same operation fails; another operation starts over. */
export function afterFailure(
  before: FailedOperation | undefined,
  { operation, error }: Pick<FailedOperation, 'error' | 'operation'>,
  nowMs: number,
): FailedOperation {
  const same = before?.operation === operation ? before : undefined;
  return { ...nextBackoff(same, RULES, nowMs), operation, error };
}

/** Milliseconds until the operation may run; another operation than the failed one need not wait. */
export function operationWaitMs(
  failed: FailedOperation | undefined,
  operation: string,
  nowMs: number,
): number {
  return failed?.operation === operation ? backoffLeftMs(failed, nowMs) : 0;
}
