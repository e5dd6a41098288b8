export type { MeasuredPod, PodDisk } from './model/measurement.js';
export type { DirectoryFigures, FileSystemFigures, InterfaceFigures } from './model/usage.js';
export { podFigures } from './plan/pod-figures.js';
export { type SystemCgroup, systemCgroups } from './plan/system-cgroups.js';
export type {
  ClaimedFigures,
  CountedDirectories,
  CriStats,
  DirectoryReadings,
  MachineReadings,
} from './ports.js';
