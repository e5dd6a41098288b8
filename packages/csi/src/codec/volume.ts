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
  strings,
} from '@nodeagent/unix-grpc';

/** The content of a `oneof` member without fields. */
export const Nothing = message({});

/** How many nodes may use a volume at once, and how. Index is the number on the wire. */
export const ACCESS_MODES = [
  'unknown',
  'single-node-writer',
  'single-node-reader-only',
  'multi-node-reader-only',
  'multi-node-single-writer',
  'multi-node-multi-writer',
  'single-node-single-writer',
  'single-node-multi-writer',
] as const;

const AccessModeMessage = message({ mode: choice(1, ACCESS_MODES) });

/** A mounted file system. */
const MountVolume = message({
  /** `ext4`, `xfs` …; the driver's own default when empty. */
  fsType: string(1),
  /** Options for mount(8), one each. */
  mountFlags: strings(2),
  /** Group that owns the files, decimal; only with capability `volume-mount-group`. */
  volumeMountGroup: string(3),
});

export type AccessType = {
  readonly block: Readonly<Record<string, never>>;
  readonly mount: Decoded<typeof MountVolume>;
};

/** One way to use a volume: as a block device or with a file system, by one node or many. */
export const VolumeCapability = message({
  access: oneOf<AccessType>({ block: [1, Nothing], mount: [2, MountVolume] }),
  accessMode: one(3, AccessModeMessage),
});

/** In bytes; 0 means no bound. */
export const CapacityRange = message({ requiredBytes: int64(1), limitBytes: int64(2) });

/** The place from which a volume is reachable, e.g. `{ 'example.com/zone': 'a' }`. */
export const Topology = message({ segments: map(1) });

export const TopologyRequirement = message({
  /** The volume must be reachable from one of these at least. */
  requisite: many(1, Topology),
  /** In order of preference. */
  preferred: many(2, Topology),
});

const SnapshotSource = message({ snapshotId: string(1) });
const VolumeSource = message({ volumeId: string(1) });

export type ContentSource = {
  readonly snapshot: Decoded<typeof SnapshotSource>;
  readonly volume: Decoded<typeof VolumeSource>;
};

/** The source of a new volume's content. */
export const VolumeContentSource = message({
  source: oneOf<ContentSource>({ snapshot: [1, SnapshotSource], volume: [2, VolumeSource] }),
});

/** A volume as its driver knows it. */
export const Volume = message({
  /** 0 when the driver does not know. */
  capacityBytes: int64(1),
  /** The driver's name of the volume, at most 128 bytes. */
  volumeId: string(2),
  /** Passed back to the driver when the volume is used. */
  volumeContext: map(3),
  contentSource: one(4, VolumeContentSource),
  accessibleTopology: many(5, Topology),
});

/** The health of a volume. An abnormal one can still be mounted. */
export const VolumeCondition = message({
  abnormal: bool(1),
  /** A description of the problem, for people. */
  message: string(2),
});

/** How many nodes may use a volume at a time, and whether they may write. */
export type AccessMode = (typeof ACCESS_MODES)[number];
export type VolumeCapability = Decoded<typeof VolumeCapability>;
export type CapacityRange = Decoded<typeof CapacityRange>;
export type Topology = Decoded<typeof Topology>;
export type TopologyRequirement = Decoded<typeof TopologyRequirement>;
export type VolumeContentSource = Decoded<typeof VolumeContentSource>;
export type Volume = Decoded<typeof Volume>;
export type VolumeCondition = Decoded<typeof VolumeCondition>;
