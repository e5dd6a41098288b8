export {
  type CgroupDriver,
  type CgroupLayout,
  cgroupPath,
  podNames,
  podUidOf,
} from './plan/cgroup-names.js';
export {
  type CgroupLimits,
  cpuQuotaUs,
  cpuShares,
  podCgroupValues,
  type PodCgroupRules,
  quotaToMilli,
  sharesToMilli,
} from './plan/cgroup-values.js';
export type { CgroupTree } from './ports.js';
export { PodCgroups } from './run/pod-cgroups.js';
