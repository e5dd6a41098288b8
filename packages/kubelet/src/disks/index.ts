export type { LocalVolume, NfsVolume, VolumeMode } from './model/in-tree-volume.js';
export type { LoopDevices, StorageCommands, StorageFiles } from './ports.js';
