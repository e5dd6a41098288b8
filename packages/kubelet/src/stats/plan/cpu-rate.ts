/** Cumulative CPU time at one moment, and the rate that followed from an earlier one. */
export interface CpuSample {
  readonly atMs: number;
  readonly usageNs: number;
  readonly nanoCores: number | undefined;
}

/** Shorter spans say more of the moment than of the load. */
const SPAN_MS = 10_000;
const LEAST_SPAN_MS = 1000;

/**
 * What is remembered of a cgroup's CPU time: a rate is that of the last ten seconds or more, a first
 * one of at least a second. Time or counters that went back start anew.
 *
 * @returns the new memory, whose `nanoCores` is the rate to tell
 */
export function nextCpuSample(
  before: CpuSample | undefined,
  now: Readonly<{ atMs: number; usageNs: number }>,
): CpuSample {
  if (before === undefined || now.atMs < before.atMs || now.usageNs < before.usageNs) {
    return { ...now, nanoCores: undefined };
  }
  const spanMs = now.atMs - before.atMs;
  const rate = Math.round(((now.usageNs - before.usageNs) * 1000) / spanMs);
  if (spanMs >= SPAN_MS) return { ...now, nanoCores: rate };
  if (before.nanoCores !== undefined || spanMs < LEAST_SPAN_MS) return before;
  return { ...before, nanoCores: rate };
}
