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
export { describeDifferences, type LimitDifference, limitDifferences } from './plan/differences.js';
export {
  limitProperties,
  sliceName,
  type UnitProperty,
  valuesOfSystemd,
} from './plan/unit-properties.js';
export type { CgroupEvents, CgroupReadings, Cgroups, CgroupTree, OpenTree } from './ports.js';
export { type CgroupDifference, type CheckedTree, checkTree } from './run/checked-tree.js';
export { openSystemdTree, type SystemdTreeOptions } from './run/open-systemd-tree.js';
export { type OomWatchOptions, watchOomKills } from './run/watch-oom-kills.js';
