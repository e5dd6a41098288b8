export { limitGrowth } from './plan/cgroup-fit.js';
export {
  type CgroupDriver,
  type CgroupLayout,
  cgroupPath,
  podNames,
  podUidOf,
} from './plan/cgroup-names.js';
export {
  allPodsValues,
  type CgroupLimits,
  type CgroupValues,
  cpuQuotaUs,
  cpuShares,
  type PodCgroupRules,
  podCgroupValues,
  quotaToMilli,
  sharesToMilli,
} from './plan/cgroup-values.js';
export type { CgroupTree } from './ports.js';
