export interface BackoffRules {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Growth per failure; 2 when absent. */
  readonly factor?: number;
  /** A failure that comes this long after the last one starts over; never when absent. */
  readonly resetAfterMs?: number;
}

/** What has to be remembered between failures. */
export interface BackoffState {
  readonly delayMs: number;
  readonly sinceMs: number;
}

/**
 * The state after one more failure at `nowMs`: the first waits `initialMs`, each further one
 * `factor` times the last, never more than `maxMs`.
 */
export function nextBackoff(
  state: BackoffState | undefined,
  rules: BackoffRules,
  nowMs: number,
): BackoffState {
  const { initialMs, maxMs, factor = 2, resetAfterMs = Number.POSITIVE_INFINITY } = rules;
  const fresh = state === undefined || nowMs - state.sinceMs > resetAfterMs;
  const delayMs = fresh ? initialMs : state.delayMs * factor;
  return { delayMs: Math.min(delayMs, maxMs), sinceMs: nowMs };
}

/** How long to wait still; 0 when the time is over or nothing failed yet. */
export function backoffLeftMs(state: BackoffState | undefined, nowMs: number): number {
  if (state === undefined) return 0;
  return Math.max(0, state.sinceMs + state.delayMs - nowMs);
}

/** `ms` stretched by up to `share` of itself, so that many clients do not come back as one. */
export function jittered(ms: number, share: number, random: () => number): number {
  return ms * (1 + share * random());
}
