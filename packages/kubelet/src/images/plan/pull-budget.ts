export interface PullBudget {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * Takes one pull from a token bucket that refills at `qps` tokens a second, up to `burst`.
 *
 * @returns the bucket afterwards; undefined if it is empty
 */
export function takePull(
  budget: PullBudget | undefined,
  rules: Readonly<{ qps: number; burst: number }>,
  nowMs: number,
): PullBudget | undefined {
  const sinceMs = budget === undefined ? 0 : Math.max(0, nowMs - budget.atMs);
  const filled = (budget?.tokens ?? rules.burst) + (sinceMs / 1000) * rules.qps;
  const tokens = Math.min(rules.burst, filled);
  return tokens < 1 ? undefined : { tokens: tokens - 1, atMs: nowMs };
}
