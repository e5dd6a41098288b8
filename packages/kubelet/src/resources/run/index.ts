export { checkCgroups, type CheckedCgroups } from './cgroup-checks.js';
export { enforceAllocatable } from './enforce-allocatable.js';
export { enforceReserved } from './enforce-reserved.js';
export { PodCgroups } from './pod-cgroups.js';
export { meterProtected } from './protected-memory-meter.js';
