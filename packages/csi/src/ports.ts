import type { HandlersOf, PartialOf, ServiceOf } from '@nodeagent/unix-grpc';

import type {
  Capacity,
  CONTROLLER,
  ControllerCapability,
  ControllerExpandVolumeReply,
  ControllerExpandVolumeRequest,
  ControllerPublishVolumeReply,
  ControllerPublishVolumeRequest,
  ControllerUnpublishVolumeRequest,
  CreateVolumeRequest,
  DeleteVolumeRequest,
  GetCapacityRequest,
  GetVolumeReply,
  GetVolumeRequest,
  ListVolumesRequest,
  ModifyVolumeRequest,
  ValidateVolumeCapabilitiesReply,
  ValidateVolumeCapabilitiesRequest,
  VolumeList,
} from './codec/controller.js';
import type { GROUP_CONTROLLER } from './codec/group-controller.js';
import type { IDENTITY } from './codec/identity.js';
import type {
  NODE,
  NodeCapability,
  NodeExpandVolumeReply,
  NodeExpandVolumeRequest,
  PublishVolumeRequest,
  StageVolumeRequest,
  UnpublishVolumeRequest,
  UnstageVolumeRequest,
  VolumeStats,
  VolumeStatsRequest,
} from './codec/node.js';
import type { REGISTRATION } from './codec/registration.js';
import type {
  CreateSnapshotRequest,
  DeleteSnapshotRequest,
  GetSnapshotRequest,
  ListSnapshotsRequest,
  Snapshot,
  SnapshotList,
} from './codec/snapshot.js';
import type { SNAPSHOT_METADATA } from './codec/snapshot-metadata.js';
import type { Volume, VolumeCapability } from './codec/volume.js';

/** A driver as its callers see it: over a socket, or in memory. Failed calls throw a `CsiError`. */
export interface CsiServices {
  readonly identity: ServiceOf<typeof IDENTITY>;
  readonly controller: ServiceOf<typeof CONTROLLER>;
  readonly groupController: ServiceOf<typeof GROUP_CONTROLLER>;
  readonly snapshotMetadata: ServiceOf<typeof SNAPSHOT_METADATA>;
  readonly node: ServiceOf<typeof NODE>;
}

/** The service by which the kubelet finds a plug-in: `GetInfo`, and the kubelet's verdict. */
export type RegistrationService = ServiceOf<typeof REGISTRATION>;

/** The result of `createDriver` for a {@link Driver}: handlers for every service of CSI. */
export interface CsiHandlers {
  readonly identity: HandlersOf<typeof IDENTITY>;
  readonly controller: HandlersOf<typeof CONTROLLER>;
  readonly groupController: HandlersOf<typeof GROUP_CONTROLLER>;
  readonly snapshotMetadata: HandlersOf<typeof SNAPSHOT_METADATA>;
  readonly node: HandlersOf<typeof NODE>;
}

/**
 * The part that a driver's author writes. Requests arrive checked: every required field is present,
 * paths are absolute, and no two operations on one volume run at the same time. Leave out
 * unsupported functions: their calls return `UNIMPLEMENTED`. Capabilities follow from the functions
 * that exist.
 */
export interface Driver {
  /** At most 63 characters of a domain name: `hostpath.csi.example.com`. */
  readonly name: string;
  readonly version: string;
  /** Further information for people. */
  readonly manifest?: Readonly<Record<string, string>>;
  /** Answers `Probe`; a driver without it is ready. */
  ready?(signal: AbortSignal): Promise<boolean>;
  readonly node?: NodeDriver;
  readonly controller?: ControllerDriver;
  readonly groupController?: HandlersOf<typeof GROUP_CONTROLLER>;
  readonly snapshotMetadata?: HandlersOf<typeof SNAPSHOT_METADATA>;
}

/** The publication or staging found at a path, as far as the driver can tell. */
export interface Placement {
  readonly volumeId: string;
  readonly readonly?: boolean;
  readonly access?: 'block' | 'mount';
}

/**
 * The node half of a driver. A method that is left out is a capability that the driver does not
 * have.
 */
export interface NodeDriver {
  /** This node's name for the controller, at most 256 bytes. */
  readonly nodeId: string;
  /** Unlimited when left out. */
  readonly maxVolumes?: number;
  readonly topology?: Readonly<Record<string, string>>;
  /** Capabilities that do not follow from any method of this object. */
  readonly capabilities?: readonly Extract<
    NodeCapability,
    'volume-condition' | 'single-node-multi-writer' | 'volume-mount-group'
  >[];
  /** @returns the reason why the volume cannot be used that way; undefined if it can */
  unsupported?(capability: VolumeCapability): string | undefined;

  publish(request: PublishVolumeRequest, signal: AbortSignal): Promise<void>;
  /** Succeeds when nothing is published; removes the remains of a broken `publish`. */
  unpublish(request: UnpublishVolumeRequest, signal: AbortSignal): Promise<void>;
  /**
   * Returns the publication at this path; undefined when there is none. With this function, a
   * repeated `publish` succeeds without a call of the driver, and a different one is refused.
   */
  published?(targetPath: string, signal: AbortSignal): Promise<Placement | undefined>;
  /**
   * The paths at which a volume is published, perhaps with its staging path. With this function, a
   * volume for a single writer is refused at a second path; a driver with the capability
   * `single-node-multi-writer` needs it.
   */
  targetPaths?(volumeId: string, signal: AbortSignal): Promise<readonly string[]>;

  stage?(request: StageVolumeRequest, signal: AbortSignal): Promise<void>;
  /** Succeeds when nothing is staged; removes the remains of a broken `stage`. */
  unstage?(request: UnstageVolumeRequest, signal: AbortSignal): Promise<void>;
  /** As `published`, for staging paths. */
  staged?(stagingTargetPath: string, signal: AbortSignal): Promise<Placement | undefined>;

  stats?(request: VolumeStatsRequest, signal: AbortSignal): Promise<PartialOf<VolumeStats>>;
  expand?(
    request: NodeExpandVolumeRequest,
    signal: AbortSignal,
  ): Promise<PartialOf<NodeExpandVolumeReply>>;
}

/**
 * The controller half of a driver. A method that is left out is a capability that the driver does
 * not have.
 */
export interface ControllerDriver {
  /** Capabilities that do not follow from any method of this object. */
  readonly capabilities?: readonly Extract<
    ControllerCapability,
    | 'clone-volume'
    | 'publish-readonly'
    | 'list-volumes-published-nodes'
    | 'volume-condition'
    | 'single-node-multi-writer'
  >[];
  /** Volumes are reachable from parts of the cluster only. */
  readonly accessibilityConstraints?: boolean;
  /** `online`: volumes can grow while they are in use; needs `expand` here or on the node. */
  readonly expansion?: 'online' | 'offline';
  /** @returns the reason why a volume cannot be used that way; undefined if it can */
  unsupported?(capability: VolumeCapability): string | undefined;

  create?(request: CreateVolumeRequest, signal: AbortSignal): Promise<PartialOf<Volume>>;
  /**
   * Returns the volume of this name, if there is one. With this function, a repeated `create`
   * yields the same volume without a call of the driver, and a different request is refused.
   */
  findByName?(name: string, signal: AbortSignal): Promise<Volume | undefined>;
  /** A `CSI_NOT_FOUND` counts as done. */
  delete?(request: DeleteVolumeRequest, signal: AbortSignal): Promise<void>;
  publish?(
    request: ControllerPublishVolumeRequest,
    signal: AbortSignal,
  ): Promise<PartialOf<ControllerPublishVolumeReply>>;
  /** A `CSI_NOT_FOUND` counts as done. */
  unpublish?(request: ControllerUnpublishVolumeRequest, signal: AbortSignal): Promise<void>;
  validate?(
    request: ValidateVolumeCapabilitiesRequest,
    signal: AbortSignal,
  ): Promise<PartialOf<ValidateVolumeCapabilitiesReply>>;
  list?(request: ListVolumesRequest, signal: AbortSignal): Promise<PartialOf<VolumeList>>;
  get?(request: GetVolumeRequest, signal: AbortSignal): Promise<PartialOf<GetVolumeReply>>;
  modify?(request: ModifyVolumeRequest, signal: AbortSignal): Promise<void>;
  capacity?(request: GetCapacityRequest, signal: AbortSignal): Promise<PartialOf<Capacity>>;
  expand?(
    request: ControllerExpandVolumeRequest,
    signal: AbortSignal,
  ): Promise<PartialOf<ControllerExpandVolumeReply>>;
  createSnapshot?(
    request: CreateSnapshotRequest,
    signal: AbortSignal,
  ): Promise<PartialOf<Snapshot>>;
  /** A `CSI_NOT_FOUND` counts as done. */
  deleteSnapshot?(request: DeleteSnapshotRequest, signal: AbortSignal): Promise<void>;
  listSnapshots?(
    request: ListSnapshotsRequest,
    signal: AbortSignal,
  ): Promise<PartialOf<SnapshotList>>;
  getSnapshot?(request: GetSnapshotRequest, signal: AbortSignal): Promise<PartialOf<Snapshot>>;
}
