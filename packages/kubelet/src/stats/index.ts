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
export type { CgroupReadings, DirectoryReadings, MachineReadings } from './ports.js';
