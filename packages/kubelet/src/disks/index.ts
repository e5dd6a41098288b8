export type { LocalVolume, NfsVolume, VolumeMode } from './model/in-tree-volume.js';
export { migratedInline, migratedVolume } from './plan/migrated-volumes.js';
export type { LoopDevices, StorageCommands, StorageFiles } from './ports.js';
