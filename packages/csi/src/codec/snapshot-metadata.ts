import {
  choice,
  type Decoded,
  int32,
  int64,
  many,
  map,
  message,
  stream,
  string,
} from '@nodeagent/unix-grpc';

const BlockMetadata = message({ byteOffset: int64(1), sizeBytes: int64(2) });

export const GetMetadataAllocatedRequest = message({
  snapshotId: string(1),
  startingOffset: int64(2),
  /** Blocks in each reply; the driver's choice when 0. */
  maxResults: int32(3),
  /** Never to be logged. */
  secrets: map(4),
});

export const GetMetadataDeltaRequest = message({
  baseSnapshotId: string(1),
  targetSnapshotId: string(2),
  startingOffset: int64(3),
  maxResults: int32(4),
  /** Never to be logged. */
  secrets: map(5),
});

/** A run of blocks. A stream delivers them in the order of their offsets, each once. */
export const BlockMetadataReply = message({
  blockMetadataType: choice(1, ['unknown', 'fixed-length', 'variable-length']),
  volumeCapacityBytes: int64(2),
  blockMetadata: many(3, BlockMetadata),
});

/** `csi.v1.SnapshotMetadata`: which blocks of a snapshot are in use, or differ from another. */
export const SNAPSHOT_METADATA = {
  getMetadataAllocated: stream(
    'csi.v1.SnapshotMetadata/GetMetadataAllocated',
    GetMetadataAllocatedRequest,
    BlockMetadataReply,
  ),
  getMetadataDelta: stream(
    'csi.v1.SnapshotMetadata/GetMetadataDelta',
    GetMetadataDeltaRequest,
    BlockMetadataReply,
  ),
} as const;

export type GetMetadataAllocatedRequest = Decoded<typeof GetMetadataAllocatedRequest>;
export type GetMetadataDeltaRequest = Decoded<typeof GetMetadataDeltaRequest>;
export type BlockMetadataReply = Decoded<typeof BlockMetadataReply>;
