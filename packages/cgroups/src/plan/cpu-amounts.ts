const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const SHARES_PER_CPU = 1024;
const MIN_QUOTA_US = 1000;

/**
 * The shares of version 1 (`cpu.shares`, 2 to 262144) for an amount of CPU: 1024 for one CPU.
 *
 * @param milli thousandths of a CPU; 0 gives the least share there is
 */
export function cpuShares(milli: number): number {
  if (milli <= 0) return MIN_SHARES;
  const shares = Math.floor((milli * SHARES_PER_CPU) / 1000);
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, shares));
}

/**
 * The quota (`cpu.cfs_quota_us`, `cpu.max`) for a limit of CPU: at least the kernel's 1,000 µs.
 *
 * @param milli thousandths of a CPU; 0 or less is no limit
 * @returns microseconds of CPU in each period; 0 without a limit
 */
export function cpuQuotaUs(milli: number, periodUs: number): number {
  if (milli <= 0) return 0;
  return Math.max(MIN_QUOTA_US, Math.floor((milli * periodUs) / 1000));
}

/** Thousandths of a CPU, rounded up: what the shares of 100m came from is 100m again. */
export function sharesToMilli(shares: number): number {
  return Math.ceil((shares * 1000) / SHARES_PER_CPU);
}

/** Thousandths of a CPU; 0 without a period. */
export function quotaToMilli(quotaUs: number, periodUs: number): number {
  return periodUs === 0 ? 0 : Math.trunc((quotaUs * 1000) / periodUs);
}

/** cgroup v2's scale of 1 to 10000 for v1's shares of 2 to 262144. */
export function sharesToWeight(shares: number): number {
  return 1 + Math.floor(((shares - MIN_SHARES) * 9999) / (MAX_SHARES - MIN_SHARES));
}

/** The reverse of {@link sharesToWeight}, up to the steps of the coarser scale. */
export function weightToShares(weight: number): number {
  return MIN_SHARES + Math.ceil(((weight - 1) * (MAX_SHARES - MIN_SHARES)) / 9999);
}
