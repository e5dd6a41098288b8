import {
  bool,
  choice,
  type Decoded,
  int32,
  int64,
  many,
  map,
  message,
  one,
  oneOf,
  string,
  strings,
  unary,
  wrapped,
} from '@nodeagent/unix-grpc';

import {
  CreateSnapshotRequest,
  DeleteSnapshotRequest,
  GetSnapshotRequest,
  ListSnapshotsRequest,
  SnapshotList,
  SnapshotReply,
} from './snapshot.js';
import {
  CapacityRange,
  Nothing,
  Topology,
  TopologyRequirement,
  Volume,
  VolumeCapability,
  VolumeCondition,
  VolumeContentSource,
} from './volume.js';

/** Capabilities of the controller service. The index is the number on the wire. */
export const CONTROLLER_CAPABILITIES = [
  'unknown',
  'create-delete-volume',
  'publish-unpublish-volume',
  'list-volumes',
  'get-capacity',
  'create-delete-snapshot',
  'list-snapshots',
  'clone-volume',
  'publish-readonly',
  'expand-volume',
  'list-volumes-published-nodes',
  'volume-condition',
  'get-volume',
  'single-node-multi-writer',
  'modify-volume',
  'get-snapshot',
] as const;

/** Makes a volume, empty or from a snapshot or another volume. */
export const CreateVolumeRequest = message({
  /** The caller's name for the volume: a second call with the same name yields the same volume. */
  name: string(1),
  capacityRange: one(2, CapacityRange),
  volumeCapabilities: many(3, VolumeCapability),
  /** Parameters of the storage class. */
  parameters: map(4),
  /** Never to be logged. */
  secrets: map(5),
  volumeContentSource: one(6, VolumeContentSource),
  accessibilityRequirements: one(7, TopologyRequirement),
  mutableParameters: map(8),
});

export const VolumeReply = message({ volume: one(1, Volume) });

export const DeleteVolumeRequest = message({ volumeId: string(1), secrets: map(2) });

/** Makes a volume available on a node, such as by attaching a disk. */
export const ControllerPublishVolumeRequest = message({
  volumeId: string(1),
  /** From the node's `getInfo`. */
  nodeId: string(2),
  volumeCapability: one(3, VolumeCapability),
  readonly: bool(4),
  /** Never to be logged. */
  secrets: map(5),
  volumeContext: map(6),
});

export const ControllerPublishVolumeReply = message({
  /** Passed to the node when it stages and publishes the volume. */
  publishContext: map(1),
});

export const ControllerUnpublishVolumeRequest = message({
  volumeId: string(1),
  /** Volumes of all nodes when empty. */
  nodeId: string(2),
  /** Never to be logged. */
  secrets: map(3),
});

export const ValidateVolumeCapabilitiesRequest = message({
  volumeId: string(1),
  volumeContext: map(2),
  volumeCapabilities: many(3, VolumeCapability),
  parameters: map(4),
  /** Never to be logged. */
  secrets: map(5),
  mutableParameters: map(6),
});

const Confirmed = message({
  volumeContext: map(1),
  volumeCapabilities: many(2, VolumeCapability),
  parameters: map(3),
  mutableParameters: map(4),
});

export const ValidateVolumeCapabilitiesReply = message({
  /** Left out when one of the capabilities is not supported. */
  confirmed: one(1, Confirmed),
  message: string(2),
});

export const ListVolumesRequest = message({
  /** No limit when 0. */
  maxEntries: int32(1),
  startingToken: string(2),
});

const VolumeStatus = message({
  publishedNodeIds: strings(1),
  volumeCondition: one(2, VolumeCondition),
});

const VolumeEntry = message({ volume: one(1, Volume), status: one(2, VolumeStatus) });

/** A page of volumes; `nextToken` is empty on the last one. */
export const VolumeList = message({ entries: many(1, VolumeEntry), nextToken: string(2) });

export const GetVolumeRequest = message({ volumeId: string(1) });

export const GetVolumeReply = message({ volume: one(1, Volume), status: one(2, VolumeStatus) });

export const ModifyVolumeRequest = message({
  volumeId: string(1),
  /** Never to be logged. */
  secrets: map(2),
  mutableParameters: map(3),
});

export const GetCapacityRequest = message({
  volumeCapabilities: many(1, VolumeCapability),
  parameters: map(2),
  accessibleTopology: one(3, Topology),
});

export const Capacity = message({
  /** Bytes. */
  availableCapacity: int64(1),
  maximumVolumeSize: wrapped(2, int64),
  minimumVolumeSize: wrapped(3, int64),
});

/** Makes a volume larger; never smaller. */
export const ControllerExpandVolumeRequest = message({
  volumeId: string(1),
  capacityRange: one(2, CapacityRange),
  /** Never to be logged. */
  secrets: map(3),
  volumeCapability: one(4, VolumeCapability),
});

export const ControllerExpandVolumeReply = message({
  capacityBytes: int64(1),
  /** True when the node must grow the file system too. */
  nodeExpansionRequired: bool(2),
});

const ControllerRpc = message({ type: choice(1, CONTROLLER_CAPABILITIES) });
type ControllerCapabilityType = { readonly rpc: Decoded<typeof ControllerRpc> };
const ControllerServiceCapability = message({
  type: oneOf<ControllerCapabilityType>({ rpc: [1, ControllerRpc] }),
});

export const ControllerCapabilities = message({
  capabilities: many(1, ControllerServiceCapability),
});

/** `csi.v1.Controller`: the calls that provisioners and attachers make. */
export const CONTROLLER = {
  createVolume: unary('csi.v1.Controller/CreateVolume', CreateVolumeRequest, VolumeReply),
  deleteVolume: unary('csi.v1.Controller/DeleteVolume', DeleteVolumeRequest, Nothing),
  publishVolume: unary(
    'csi.v1.Controller/ControllerPublishVolume',
    ControllerPublishVolumeRequest,
    ControllerPublishVolumeReply,
  ),
  unpublishVolume: unary(
    'csi.v1.Controller/ControllerUnpublishVolume',
    ControllerUnpublishVolumeRequest,
    Nothing,
  ),
  validateVolumeCapabilities: unary(
    'csi.v1.Controller/ValidateVolumeCapabilities',
    ValidateVolumeCapabilitiesRequest,
    ValidateVolumeCapabilitiesReply,
  ),
  listVolumes: unary('csi.v1.Controller/ListVolumes', ListVolumesRequest, VolumeList),
  getCapacity: unary('csi.v1.Controller/GetCapacity', GetCapacityRequest, Capacity),
  getCapabilities: unary(
    'csi.v1.Controller/ControllerGetCapabilities',
    Nothing,
    ControllerCapabilities,
  ),
  createSnapshot: unary('csi.v1.Controller/CreateSnapshot', CreateSnapshotRequest, SnapshotReply),
  deleteSnapshot: unary('csi.v1.Controller/DeleteSnapshot', DeleteSnapshotRequest, Nothing),
  listSnapshots: unary('csi.v1.Controller/ListSnapshots', ListSnapshotsRequest, SnapshotList),
  getSnapshot: unary('csi.v1.Controller/GetSnapshot', GetSnapshotRequest, SnapshotReply),
  expandVolume: unary(
    'csi.v1.Controller/ControllerExpandVolume',
    ControllerExpandVolumeRequest,
    ControllerExpandVolumeReply,
  ),
  getVolume: unary('csi.v1.Controller/ControllerGetVolume', GetVolumeRequest, GetVolumeReply),
  modifyVolume: unary('csi.v1.Controller/ControllerModifyVolume', ModifyVolumeRequest, Nothing),
} as const;

/** Something that a driver's controller service can do, in words instead of the wire's numbers. */
export type ControllerCapability = (typeof CONTROLLER_CAPABILITIES)[number];
export type CreateVolumeRequest = Decoded<typeof CreateVolumeRequest>;
export type DeleteVolumeRequest = Decoded<typeof DeleteVolumeRequest>;
export type ControllerPublishVolumeRequest = Decoded<typeof ControllerPublishVolumeRequest>;
export type ControllerPublishVolumeReply = Decoded<typeof ControllerPublishVolumeReply>;
export type ControllerUnpublishVolumeRequest = Decoded<typeof ControllerUnpublishVolumeRequest>;
export type ValidateVolumeCapabilitiesRequest = Decoded<typeof ValidateVolumeCapabilitiesRequest>;
export type ValidateVolumeCapabilitiesReply = Decoded<typeof ValidateVolumeCapabilitiesReply>;
export type ListVolumesRequest = Decoded<typeof ListVolumesRequest>;
export type VolumeList = Decoded<typeof VolumeList>;
export type GetVolumeRequest = Decoded<typeof GetVolumeRequest>;
export type GetVolumeReply = Decoded<typeof GetVolumeReply>;
export type ModifyVolumeRequest = Decoded<typeof ModifyVolumeRequest>;
export type GetCapacityRequest = Decoded<typeof GetCapacityRequest>;
export type Capacity = Decoded<typeof Capacity>;
export type ControllerExpandVolumeRequest = Decoded<typeof ControllerExpandVolumeRequest>;
export type ControllerExpandVolumeReply = Decoded<typeof ControllerExpandVolumeReply>;
