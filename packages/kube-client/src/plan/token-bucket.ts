/** A limit on requests: a steady rate, and a reserve for bursts. */
export interface TokenBucketRules {
  /** Tokens added per second; may be a fraction. */
  readonly perSecond: number;
  /** Maximum number of saved tokens. */
  readonly burst: number;
}

export interface TokenBucketState {
  /** Negative while callers wait for tokens that they have taken in advance. */
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * Takes one token, in advance if there is none. Callers are served in order of arrival, each after
 * `waitMs` from now.
 */
export function takeToken(
  state: TokenBucketState | undefined,
  rules: TokenBucketRules,
  nowMs: number,
): Readonly<{ state: TokenBucketState; waitMs: number }> {
  const tokens = refilled(state, rules, nowMs) - 1;
  const waitMs = tokens >= 0 ? 0 : (-tokens / rules.perSecond) * 1000;
  return { state: { tokens, atMs: nowMs }, waitMs };
}

/** Takes one token if there is one. */
export function tryTakeToken(
  state: TokenBucketState | undefined,
  rules: TokenBucketRules,
  nowMs: number,
): Readonly<{ state: TokenBucketState; taken: boolean }> {
  const tokens = refilled(state, rules, nowMs);
  const taken = tokens >= 1;
  return { state: { tokens: taken ? tokens - 1 : tokens, atMs: nowMs }, taken };
}

function refilled(
  state: TokenBucketState | undefined,
  { perSecond, burst }: TokenBucketRules,
  nowMs: number,
): number {
  if (state === undefined) return burst;
  const back = (Math.max(0, nowMs - state.atMs) / 1000) * perSecond;
  return Math.min(burst, state.tokens + back);
}
