import type { CgroupLimits } from '@nodeagent/cgroups';

export interface FitRules {
  /** No running container has more than its new limits, so limits of the cgroup may decrease. */
  readonly mayShrink: boolean;
  /** Bytes in use; a memory limit never goes below this. */
  readonly memoryUsage: number;
}

/**
 * Computes the changes to a pod's cgroup before one of its containers starts. The cgroup is created
 * with the sandbox, and the pod may have been resized since, while none of its containers ran.
 *
 * @param wanted leaves out resources that the pod does not limit
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

/**
 * Positive if the limit increases. No limit counts as the largest; an undefined `wanted` is no
 * change.
 */
export function limitGrowth(has: number | undefined, wanted: number | undefined): number {
  return wanted === undefined ? 0 : sizeOf(wanted) - sizeOf(has);
}

function sizeOf(limit: number | undefined): number {
  return limit === undefined || limit < 0 ? Number.MAX_SAFE_INTEGER : limit;
}
