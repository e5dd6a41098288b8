import type { CgroupLimits, CgroupValues } from '../model/limits.js';
import { sharesToWeight } from './cpu-amounts.js';

/** A limit that the kernel has otherwise than it was set. */
export interface LimitDifference {
  readonly limit: keyof CgroupLimits;
  /** -1: no limit. */
  readonly wanted: number;
  readonly found: number;
}

/** Memory limits are whole pages; the largest pages of any machine have 64 KiB. */
const PAGE_BYTES = 65_536;

const MEMORY = ['memoryLimitBytes', 'memoryMinBytes', 'memoryLowBytes'] as const;
const LIMITS = ['cpuShares', 'cpuQuotaUs', 'cpuPeriodUs', ...MEMORY, 'pidsMax'] as const;

/**
 * Compares limits that were set with those that the kernel has. A limit of a controller that is not
 * mounted does not count.
 *
 * @param wanted absent limits are not compared
 * @param version of the cgroups: the weights of version 2 are coarser
 */
export function limitDifferences(
  wanted: CgroupValues,
  found: CgroupLimits,
  version: 1 | 2,
): readonly LimitDifference[] {
  return LIMITS.flatMap((limit) => {
    const [want, have] = [wanted[limit], found[limit]];
    if (want === undefined || have === undefined) return [];
    // without a quota the period has no meaning
    if (limit === 'cpuPeriodUs' && (wanted.cpuQuotaUs ?? -1) < 0) return [];
    return isSame(limit, want, have, version) ? [] : [{ limit, wanted: want, found: have }];
  });
}

function isSame(limit: keyof CgroupLimits, wanted: number, found: number, version: 1 | 2): boolean {
  if (wanted < 0 || found < 0) return wanted < 0 === found < 0;
  if (MEMORY.some((one) => one === limit)) return found <= wanted && wanted - found < PAGE_BYTES;
  if (limit === 'cpuShares' && version === 2) {
    return sharesToWeight(wanted) === sharesToWeight(found);
  }
  return wanted === found;
}

/** `memoryLimitBytes is without limit instead of 67108864` */
export function describeDifferences(differences: readonly LimitDifference[]): string {
  const amount = (value: number): string => (value < 0 ? 'without limit' : String(value));
  return differences
    .map(({ limit, wanted, found }) => `${limit} is ${amount(found)} instead of ${amount(wanted)}`)
    .join(', ');
}
