export type { DirectoryFigures, FileSystemFigures, InterfaceFigures } from './model/usage.js';
export { type SystemCgroup, systemCgroups } from './plan/system-cgroups.js';
export type { ClaimedFigures, DirectoryReadings, MachineReadings } from './ports.js';
