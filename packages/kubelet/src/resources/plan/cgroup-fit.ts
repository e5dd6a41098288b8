import type { CgroupLimits } from '@nodeagent/cgroups';

export interface FitRules {
  /** Nothing in the cgroup has more than it is to have: what is too much may be taken away. */
  readonly mayShrink: boolean;
  /** Bytes in use, which a limit is never put below. */
  readonly memoryUsage: number;
}

/**
 * What of a pod's cgroup has to change before a container of it starts. A cgroup is made with its
 * sandbox, and the pod may have been given other resources since, while nothing of it ran.
 *
 * @param wanted says nothing of what the pod does not limit
 */
export function cgroupFit(
  has: CgroupLimits,
  wanted: CgroupLimits,
  { mayShrink, memoryUsage }: FitRules,
): CgroupLimits {
  const differs = (name: keyof CgroupLimits): boolean => {
    const growth = limitGrowth(has[name], wanted[name]);
    return growth > 0 || (growth < 0 && mayShrink);
  };
  const { cpuShares, cpuPeriodUs, cpuQuotaUs, memoryLimitBytes } = wanted;
  const cpu = differs('cpuQuotaUs') && cpuQuotaUs !== undefined && cpuPeriodUs !== undefined;
  const isRoomy = (memoryLimitBytes ?? 0) < 0 || (memoryLimitBytes ?? 0) > memoryUsage;
  const memory = differs('memoryLimitBytes') && memoryLimitBytes !== undefined && isRoomy;
  const shares = differs('cpuShares') && cpuShares !== undefined;
  return {
    ...(shares && { cpuShares }),
    ...(cpu && { cpuPeriodUs, cpuQuotaUs }),
    ...(memory && { memoryLimitBytes }),
  };
}

/** Positive where there is to be more. Without a limit is more than any; unsaid is no change. */
export function limitGrowth(has: number | undefined, wanted: number | undefined): number {
  return wanted === undefined ? 0 : sizeOf(wanted) - sizeOf(has);
}

function sizeOf(limit: number | undefined): number {
  return limit === undefined || limit < 0 ? Number.MAX_SAFE_INTEGER : limit;
}
