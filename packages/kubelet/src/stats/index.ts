export type {
  CgroupLimits,
  CgroupUsage,
  CpuFigures,
  DirectoryFigures,
  FileSystemFigures,
  InterfaceFigures,
  MemoryFigures,
} from './model/usage.js';
export { type SystemCgroup, systemCgroups } from './plan/system-cgroups.js';
export type {
  CgroupReadings,
  CriStats,
  DirectoryReadings,
  MachineReadings,
  PodPlaces,
} from './ports.js';
export { type MeasurerOptions, NodeMeasurer } from './run/measure-node.js';
export { PodDisks, type PodDisksOptions } from './run/pod-disks.js';
export { createStatsHandlers, type StatsOptions } from './run/stats-handlers.js';
