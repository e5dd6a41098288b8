import {
  bool,
  choice,
  type Decoded,
  many,
  map,
  message,
  one,
  oneOf,
  string,
  strings,
  Timestamp,
  unary,
} from '@nodeagent/unix-grpc';

import { Snapshot } from './snapshot.js';
import { Nothing } from './volume.js';

const GroupRpc = message({
  type: choice(1, ['unknown', 'create-delete-get-volume-group-snapshot']),
});
type GroupCapabilityType = { readonly rpc: Decoded<typeof GroupRpc> };
const GroupCapability = message({ type: oneOf<GroupCapabilityType>({ rpc: [1, GroupRpc] }) });

export const GroupCapabilities = message({ capabilities: many(1, GroupCapability) });

export const VolumeGroupSnapshot = message({
  groupSnapshotId: string(1),
  snapshots: many(2, Snapshot),
  creationTime: one(3, Timestamp),
  readyToUse: bool(4),
});

export const CreateGroupSnapshotRequest = message({
  /** The caller's name for it: a second call with the same name yields the same group. */
  name: string(1),
  sourceVolumeIds: strings(2),
  /** Never to be logged. */
  secrets: map(3),
  parameters: map(4),
});

export const GroupSnapshotRequest = message({
  groupSnapshotId: string(1),
  snapshotIds: strings(2),
  /** Never to be logged. */
  secrets: map(3),
});

export const GroupSnapshotReply = message({ groupSnapshot: one(1, VolumeGroupSnapshot) });

/** `csi.v1.GroupController`: snapshots of several volumes at one moment. */
export const GROUP_CONTROLLER = {
  getCapabilities: unary(
    'csi.v1.GroupController/GroupControllerGetCapabilities',
    Nothing,
    GroupCapabilities,
  ),
  createVolumeGroupSnapshot: unary(
    'csi.v1.GroupController/CreateVolumeGroupSnapshot',
    CreateGroupSnapshotRequest,
    GroupSnapshotReply,
  ),
  deleteVolumeGroupSnapshot: unary(
    'csi.v1.GroupController/DeleteVolumeGroupSnapshot',
    GroupSnapshotRequest,
    Nothing,
  ),
  getVolumeGroupSnapshot: unary(
    'csi.v1.GroupController/GetVolumeGroupSnapshot',
    GroupSnapshotRequest,
    GroupSnapshotReply,
  ),
} as const;

export type CreateGroupSnapshotRequest = Decoded<typeof CreateGroupSnapshotRequest>;
export type GroupSnapshotRequest = Decoded<typeof GroupSnapshotRequest>;
export type GroupSnapshotReply = Decoded<typeof GroupSnapshotReply>;
