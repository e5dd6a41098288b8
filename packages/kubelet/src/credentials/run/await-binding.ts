import { type BackoffRules, type BackoffState, type Clock, nextBackoff } from '@nodeagent/base';
import { isKubeError } from '@nodeagent/kube-client';

/** Between requests that the API server refuses since it does not know the pod's binding yet. */
const REFUSED: BackoffRules = { initialMs: 100, maxMs: 2000 };
/** How long first refusals are taken for that, and nobody is told. */
const BINDING_PATIENCE_MS = 2000;

/** Since when the requests for one thing are refused, by the monotonic clock. */
export interface Refusals {
  sinceMs: number | undefined;
}

/**
 * Repeats a request that the API server may refuse at first: its authorizer learns of a pod's binding
 * by a watch, as the kubelet does. After two seconds of refusals they are passed on, at once from then on.
 */
export async function awaitBinding<T>(
  ask: () => Promise<T>,
  { refusals, clock }: Readonly<{ refusals: Refusals; clock: Clock }>,
  signal: AbortSignal,
): Promise<T> {
  let failed: BackoffState | undefined;
  for (;;) {
    try {
      const answer = await ask();
      refusals.sinceMs = undefined;
      return answer;
    } catch (error) {
      if (!isKubeError(error, 'KUBE_FORBIDDEN')) throw error;
      const nowMs = clock.monotonicMs();
      refusals.sinceMs ??= nowMs;
      const leftMs = refusals.sinceMs + BINDING_PATIENCE_MS - nowMs;
      if (leftMs <= 0) throw error;
      failed = nextBackoff(failed, REFUSED, nowMs);
      await clock.sleep(Math.min(failed.delayMs, leftMs), signal);
      signal.throwIfAborted();
    }
  }
}
