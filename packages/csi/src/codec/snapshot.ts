import {
  bool,
  type Decoded,
  int32,
  int64,
  many,
  map,
  message,
  one,
  string,
  Timestamp,
} from '@nodeagent/unix-grpc';

/** A volume's content at one time. */
export const Snapshot = message({
  /** 0 when the driver does not know. */
  sizeBytes: int64(1),
  snapshotId: string(2),
  sourceVolumeId: string(3),
  creationTime: one(4, Timestamp),
  /** False while the driver still copies. */
  readyToUse: bool(5),
  groupSnapshotId: string(6),
});

export const CreateSnapshotRequest = message({
  sourceVolumeId: string(1),
  /** The caller's name for it: a second call with the same name yields the same snapshot. */
  name: string(2),
  /** Never to be logged. */
  secrets: map(3),
  parameters: map(4),
});

export const DeleteSnapshotRequest = message({ snapshotId: string(1), secrets: map(2) });

export const ListSnapshotsRequest = message({
  /** No limit when 0. */
  maxEntries: int32(1),
  startingToken: string(2),
  sourceVolumeId: string(3),
  snapshotId: string(4),
  /** Never to be logged. */
  secrets: map(5),
});

const SnapshotEntry = message({ snapshot: one(1, Snapshot) });

export const SnapshotList = message({ entries: many(1, SnapshotEntry), nextToken: string(2) });

export const GetSnapshotRequest = message({ snapshotId: string(1), secrets: map(2) });

export const SnapshotReply = message({ snapshot: one(1, Snapshot) });

export type Snapshot = Decoded<typeof Snapshot>;
export type CreateSnapshotRequest = Decoded<typeof CreateSnapshotRequest>;
export type DeleteSnapshotRequest = Decoded<typeof DeleteSnapshotRequest>;
export type ListSnapshotsRequest = Decoded<typeof ListSnapshotsRequest>;
export type SnapshotList = Decoded<typeof SnapshotList>;
export type GetSnapshotRequest = Decoded<typeof GetSnapshotRequest>;
