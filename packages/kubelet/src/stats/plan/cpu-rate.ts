/** Cumulative CPU time at one moment, and the rate computed from an earlier sample. */
export interface CpuSample {
  readonly atMs: number;
  readonly usageNs: number;
  readonly nanoCores: number | undefined;
}

/** A shorter span shows momentary peaks rather than the load. */
const SPAN_MS = 10_000;
const LEAST_SPAN_MS = 1000;

/**
 * Computes a cgroup's CPU rate over the last ten seconds or more; the first rate covers at least
 * one second. A clock or counter that moves backwards starts again.
 *
 * @returns the sample to remember; its `nanoCores` is the rate to report
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
