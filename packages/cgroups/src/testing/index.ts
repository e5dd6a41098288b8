export { type MemoryCgroup, MemoryCgroups, type MemoryCgroupsOptions } from './memory-cgroups.js';
export { MemorySystemd } from './memory-systemd.js';
