import { type BackoffRules, type BackoffState, type Clock, nextBackoff } from '@nodeagent/base';
import { isKubeError } from '@nodeagent/kube-client';

/**
 * Delays between requests that are refused because the API server does not know the pod's binding
 * yet.
 */
const REFUSED: BackoffRules = { initialMs: 100, maxMs: 2000 };
/** Initial time in which refusals are retried without being reported. */
const BINDING_PATIENCE_MS = 2000;

/** The start of the current series of refusals, by the monotonic clock. */
export interface Refusals {
  sinceMs: number | undefined;
}

/**
 * Repeats a request that the API server may refuse at first: its authorizer learns of a pod's
 * binding through a watch, just as the kubelet does. Refusals after two seconds are passed on, and
 * from then on immediately.
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
