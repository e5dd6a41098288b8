export {
  type CgroupDriver,
  type CgroupLayout,
  cgroupPath,
  podNames,
  podUidOf,
} from './plan/cgroup-names.js';
export { limitGrowth } from './plan/cgroup-fit.js';
export {
  allPodsValues,
  type CgroupLimits,
  type CgroupValues,
  cpuQuotaUs,
  cpuShares,
  podCgroupValues,
  type PodCgroupRules,
  quotaToMilli,
  sharesToMilli,
} from './plan/cgroup-values.js';
export type { CgroupTree } from './ports.js';
export { enforceAllocatable } from './run/enforce-allocatable.js';
export { PodCgroups } from './run/pod-cgroups.js';
