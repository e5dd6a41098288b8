export { limitGrowth } from './plan/cgroup-fit.js';
export { type CgroupLayout, podNames, podUidOf } from './plan/cgroup-names.js';
export { containerMemoryQos, type MemoryQosRules } from './plan/memory-qos.js';
export {
  allPodsValues,
  type NodeReserve,
  type ReservedCgroup,
  reservedCgroups,
  type ReservedRules,
} from './plan/node-cgroup-values.js';
export { pageSizeName } from './plan/page-size-name.js';
export { type PodCgroupRules, podCgroupValues } from './plan/pod-cgroup-values.js';
