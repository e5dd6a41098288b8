export { type MemoryCgroup, MemoryCgroups, type MemoryCgroupsOptions } from './memory-cgroups.js';
