export type { Bound } from './model/bound.js';
export type { LocalVolume, NfsVolume, VolumeMode } from './model/in-tree-volume.js';
export { IN_TREE_PLUGINS, type MeteredOperation } from './model/volume-operation.js';
export type { ClaimPatch } from './plan/claim-patches.js';
export { migratedInline, migratedVolume } from './plan/migrated-volumes.js';
export { planReleases } from './plan/plan-releases.js';
export type { LoopDevices, StorageCommands, StorageFiles } from './ports.js';
