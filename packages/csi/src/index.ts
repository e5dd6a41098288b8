export {
  CONTROLLER,
  type ControllerCapability,
  type ControllerExpandVolumeRequest,
  type ControllerPublishVolumeRequest,
  type CreateVolumeRequest,
  type VolumeList,
} from './codec/controller.js';
export { GROUP_CONTROLLER } from './codec/group-controller.js';
export { IDENTITY, type PluginInfo, type PluginService } from './codec/identity.js';
export {
  NODE,
  type NodeCapability,
  type NodeExpandVolumeRequest,
  type NodeInfo,
  type PublishVolumeRequest,
  type StageVolumeRequest,
  type UnpublishVolumeRequest,
  type UnstageVolumeRequest,
  type VolumeStats,
  type VolumeStatsRequest,
} from './codec/node.js';
export {
  type PluginRegistration,
  REGISTRATION,
  type RegistrationStatus,
} from './codec/registration.js';
export type { Snapshot } from './codec/snapshot.js';
export { SNAPSHOT_METADATA } from './codec/snapshot-metadata.js';
export type {
  AccessMode,
  CapacityRange,
  Topology,
  Volume,
  VolumeCapability,
  VolumeCondition,
} from './codec/volume.js';
export { CsiError, type CsiErrorCode, isCsiError, leavesUncertain } from './model/errors.js';
export { errorText, grpcName, grpcNumber } from './model/grpc-name.js';
export { withoutSecrets } from './model/secrets.js';
export { accessModeOf } from './plan/access-mode.js';
export { type Page, type PageAsked, pageOf } from './plan/page.js';
export type {
  ControllerDriver,
  CsiHandlers,
  CsiServices,
  Driver,
  NodeDriver,
  Placement,
  RegistrationService,
} from './ports.js';
export { createDriver } from './run/driver.js';
