import {
  bool,
  choice,
  type Decoded,
  int64,
  many,
  map,
  message,
  one,
  oneOf,
  string,
  unary,
} from '@nodeagent/unix-grpc';

import { CapacityRange, Nothing, Topology, VolumeCapability, VolumeCondition } from './volume.js';

/** Capabilities of the node service beside publishing. The index is the number on the wire. */
export const NODE_CAPABILITIES = [
  'unknown',
  'stage-unstage-volume',
  'get-volume-stats',
  'expand-volume',
  'volume-condition',
  'single-node-multi-writer',
  'volume-mount-group',
] as const;

/** Prepares a volume on a node, once for all pods: formats it and mounts it at a common path. */
export const StageVolumeRequest = message({
  volumeId: string(1),
  /** From `controllerPublishVolume`. */
  publishContext: map(2),
  /** An absolute path; the directory exists. One for all pods that use the volume on this node. */
  stagingTargetPath: string(3),
  volumeCapability: one(4, VolumeCapability),
  /** Never to be logged. */
  secrets: map(5),
  volumeContext: map(6),
});

/** Undoes the staging of a volume, after the last pod has gone. */
export const UnstageVolumeRequest = message({ volumeId: string(1), stagingTargetPath: string(2) });

/** Mounts a volume at the path of one pod. */
export const PublishVolumeRequest = message({
  volumeId: string(1),
  publishContext: map(2),
  /** Empty when the volume was not staged. */
  stagingTargetPath: string(3),
  /** An absolute path whose parent exists; the driver makes the last element. */
  targetPath: string(4),
  volumeCapability: one(5, VolumeCapability),
  readonly: bool(6),
  /** Never to be logged. */
  secrets: map(7),
  volumeContext: map(8),
});

/** Removes a pod's mount. A path that is not mounted is a success. */
export const UnpublishVolumeRequest = message({ volumeId: string(1), targetPath: string(2) });

/** Asks how full a mounted volume is. */
export const VolumeStatsRequest = message({
  volumeId: string(1),
  /** The path where the volume is published or staged. */
  volumePath: string(2),
  stagingTargetPath: string(3),
});

const VolumeUsage = message({
  available: int64(1),
  total: int64(2),
  used: int64(3),
  unit: choice(4, ['unknown', 'bytes', 'inodes']),
});

/** Space and inodes of a mounted volume, and its health if the driver knows it. */
export const VolumeStats = message({
  usage: many(1, VolumeUsage),
  volumeCondition: one(2, VolumeCondition),
});

const NodeRpc = message({ type: choice(1, NODE_CAPABILITIES) });
type NodeCapabilityType = { readonly rpc: Decoded<typeof NodeRpc> };
const NodeServiceCapability = message({ type: oneOf<NodeCapabilityType>({ rpc: [1, NodeRpc] }) });

export const NodeCapabilities = message({ capabilities: many(1, NodeServiceCapability) });

/** The driver's facts about the node that it runs on. */
export const NodeInfo = message({
  /** The node's name for the controller service, at most 256 bytes. */
  nodeId: string(1),
  /** Number of volumes that the node can publish; unlimited when 0. */
  maxVolumesPerNode: int64(2),
  accessibleTopology: one(3, Topology),
});

/** Grows the file system on a node, after the controller has grown the volume. */
export const NodeExpandVolumeRequest = message({
  volumeId: string(1),
  volumePath: string(2),
  capacityRange: one(3, CapacityRange),
  stagingTargetPath: string(4),
  volumeCapability: one(5, VolumeCapability),
  /** Never to be logged. */
  secrets: map(6),
});

export const NodeExpandVolumeReply = message({ capacityBytes: int64(1) });

/** `csi.v1.Node`: the calls that a kubelet makes. */
export const NODE = {
  stageVolume: unary('csi.v1.Node/NodeStageVolume', StageVolumeRequest, Nothing),
  unstageVolume: unary('csi.v1.Node/NodeUnstageVolume', UnstageVolumeRequest, Nothing),
  publishVolume: unary('csi.v1.Node/NodePublishVolume', PublishVolumeRequest, Nothing),
  unpublishVolume: unary('csi.v1.Node/NodeUnpublishVolume', UnpublishVolumeRequest, Nothing),
  getVolumeStats: unary('csi.v1.Node/NodeGetVolumeStats', VolumeStatsRequest, VolumeStats),
  expandVolume: unary(
    'csi.v1.Node/NodeExpandVolume',
    NodeExpandVolumeRequest,
    NodeExpandVolumeReply,
  ),
  getCapabilities: unary('csi.v1.Node/NodeGetCapabilities', Nothing, NodeCapabilities),
  getInfo: unary('csi.v1.Node/NodeGetInfo', Nothing, NodeInfo),
} as const;

/** Something that a driver's node service can do, in words instead of the wire's numbers. */
export type NodeCapability = (typeof NODE_CAPABILITIES)[number];
export type StageVolumeRequest = Decoded<typeof StageVolumeRequest>;
export type UnstageVolumeRequest = Decoded<typeof UnstageVolumeRequest>;
export type PublishVolumeRequest = Decoded<typeof PublishVolumeRequest>;
export type UnpublishVolumeRequest = Decoded<typeof UnpublishVolumeRequest>;
export type VolumeStatsRequest = Decoded<typeof VolumeStatsRequest>;
export type VolumeStats = Decoded<typeof VolumeStats>;
export type NodeInfo = Decoded<typeof NodeInfo>;
export type NodeExpandVolumeRequest = Decoded<typeof NodeExpandVolumeRequest>;
export type NodeExpandVolumeReply = Decoded<typeof NodeExpandVolumeReply>;
