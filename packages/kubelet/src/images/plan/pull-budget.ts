export interface PullBudget {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * One pull out of a bucket that fills at `qps` up to `burst`.
 *
 * @returns the bucket afterwards; undefined when it is empty
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
