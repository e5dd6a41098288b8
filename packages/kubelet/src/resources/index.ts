export {
  type CgroupDriver,
  type CgroupLayout,
  cgroupPath,
  podNames,
  podUidOf,
} from './plan/cgroup-names.js';
export {
  cpuQuotaUs,
  cpuShares,
  podCgroupValues,
  type PodCgroupRules,
} from './plan/cgroup-values.js';
export type { CgroupTree } from './ports.js';
export { PodCgroups } from './run/pod-cgroups.js';
