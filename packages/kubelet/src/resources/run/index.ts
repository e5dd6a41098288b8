export { enforceAllocatable } from './enforce-allocatable.js';
export { PodCgroups } from './pod-cgroups.js';
