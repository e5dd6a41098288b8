/** Growth of the waits between attempts that fail. */
export interface BackoffRules {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Growth per failure; 2 when absent. */
  readonly factor?: number;
  /** A failure this long after the last one starts over; when absent, none does. */
  readonly resetAfterMs?: number;
}

/** The state to keep between failures. */
export interface BackoffState {
  readonly delayMs: number;
  readonly sinceMs: number;
}

/**
 * Returns the state after one more failure at `nowMs`: the first failure waits `initialMs`, each
 * further one `factor` times the previous wait, never more than `maxMs`.
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

/** Returns the time still to wait; 0 when the wait is over or nothing has failed yet. */
export function backoffLeftMs(state: BackoffState | undefined, nowMs: number): number {
  if (state === undefined) return 0;
  return Math.max(0, state.sinceMs + state.delayMs - nowMs);
}

/**
 * Stretches `ms` at random by up to `share` of itself, so that clients do not all come back at the
 * same moment.
 */
export function jittered(ms: number, share: number, random: () => number): number {
  return ms * (1 + share * random());
}
