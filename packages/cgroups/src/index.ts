export { keyedValue, parsePressure, singleValue } from './codec/cgroup-text.js';
export { parseV1, parseV1Limits } from './codec/cgroup-v1.js';
export { parseV2, parseV2Limits } from './codec/cgroup-v2.js';
export { parseAccountedCgroup, parseProcessCgroup } from './codec/process-cgroup.js';
export { CgroupError, type CgroupErrorCode, isCgroupError } from './model/errors.js';
export type { CgroupLimits, CgroupValues } from './model/limits.js';
export type {
  CgroupUsage,
  CpuFigures,
  DeviceFigures,
  LimitFigures,
  MemoryFigures,
  Pressure,
  PressureData,
  ThrottleFigures,
} from './model/usage.js';
export { type CgroupMounts, cgroupMounts } from './plan/cgroup-mounts.js';
export { type CgroupDriver, cgroupPath } from './plan/cgroup-path.js';
export {
  cpuQuotaUs,
  cpuShares,
  quotaToMilli,
  sharesToMilli,
  sharesToWeight,
  weightToShares,
} from './plan/cpu-amounts.js';
export type { CgroupEvents, CgroupReadings, Cgroups, CgroupTree } from './ports.js';
export { type OomWatchOptions, watchOomKills } from './run/watch-oom-kills.js';
