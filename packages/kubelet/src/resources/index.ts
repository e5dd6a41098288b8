export { limitGrowth } from './plan/cgroup-fit.js';
export { type CgroupLayout, podNames, podUidOf } from './plan/cgroup-names.js';
export { allPodsValues, type PodCgroupRules, podCgroupValues } from './plan/pod-cgroup-values.js';
