import type { MountPoint } from '@nodeagent/base';
import type { ConfigMap, LabelSelectorSpec, Pod, Secret, Volume } from '@nodeagent/kube-client';

import type { PodUid } from '../pod/index.js';
import type { Payload } from './model/payload.js';
import type { ProjectUsage } from './plan/project-quota.js';

/** Config maps and secrets that pods refer to. */
export interface ObjectSource {
  /** @returns undefined if there is none of this name */
  configMap(namespace: string, name: string, signal: AbortSignal): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
}

export interface TokenRequestSpec {
  /** The API server's own audience if absent. */
  readonly audience?: string;
  readonly expirationSeconds: number;
}

export interface DatedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** Service account tokens bound to one pod. */
export interface TokenSource {
  /** Returns a token that is still valid for a while, from the cache or newly requested. */
  token(pod: Pod, request: TokenRequestSpec, signal: AbortSignal): Promise<string>;
  /** The same, with the end of its life in milliseconds since the Unix epoch. */
  dated(pod: Pod, request: TokenRequestSpec, signal: AbortSignal): Promise<DatedToken>;
  /** Forgets the tokens of a pod that no longer exists. */
  forget(podUid: string): void;
}

/** Selects trust bundles of the cluster: one by name, or those of a signer by label. */
export interface TrustBundleRef {
  readonly name?: string;
  readonly signerName?: string;
  /** If absent, selects none; if empty, selects all. */
  readonly labelSelector?: LabelSelectorSpec;
  /** If true, the bundle may be missing. */
  readonly optional?: boolean;
}

export interface TrustAnchorSource {
  /**
   * PEM; empty if an optional bundle is missing.
   *
   * @throws if a required one is missing
   */
  anchors(ref: TrustBundleRef, signal: AbortSignal): Promise<string>;
}

/** Identifies a podCertificate source by the volume's name and the position in its sources. */
export interface CertificateRef {
  readonly volume: string;
  readonly index: number;
}

export interface PodCertificateSource {
  /**
   * The current certificate, PEM.
   *
   * @throws if there is none yet, or if it was refused
   */
  certificate(
    pod: Pod,
    ref: CertificateRef,
    signal: AbortSignal,
  ): Promise<Readonly<{ keyPem: string; chainPem: string }>>;
}

/** The path of a volume on this machine, and its use by containers. */
export interface VolumePlace {
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** Only the pod uses its files, so they may be relabeled for it. */
  readonly managed: boolean;
}

/** How full a volume is that a claim or a driver provides. */
export interface VolumeFigures {
  /** The pod's name of the volume. */
  readonly name: string;
  /** Undefined for a volume without a claim. */
  readonly claim: Readonly<{ namespace: string; name: string }> | undefined;
  readonly atMs: number;
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly inodesUsed: number;
  /** The driver's own verdict; undefined if it was not asked. */
  readonly abnormal: boolean | undefined;
}

/** A block device for a container. */
export interface DevicePlace {
  /** A link to the device. */
  readonly hostPath: string;
  readonly readOnly: boolean;
}

/** Volumes with content from elsewhere: by claims, and of storage drivers. */
export interface ClaimedVolumes {
  /**
   * Mounts the volume for the pod; repeated on every sync.
   *
   * @returns false for a volume of another kind, which stays untouched
   * @throws {VolumeError} and errors of drivers, while it cannot be mounted
   */
  prepare(pod: Pod, volume: Volume, signal: AbortSignal): Promise<boolean>;
  /** The place where `prepare` mounted it. */
  placeOf(podUid: string, volume: string): VolumePlace | undefined;
  /** The device that `prepare` mapped; undefined for a volume of files. */
  deviceOf(podUid: string, volume: string): DevicePlace | undefined;
  /** Groups that the pod's processes need for its mounted volumes, ascending, each once. */
  groupsOf(podUid: string): readonly number[];
  /** Measures the pod's volumes that can be measured. */
  figures(pod: Pod, signal: AbortSignal): Promise<readonly VolumeFigures[]>;
  /**
   * Unmounts and removes everything of the pod.
   *
   * @throws if anything is left
   */
  teardown(podUid: PodUid, signal: AbortSignal): Promise<void>;
}

/** mount(2) and umount(2). */
export interface Mounter {
  /** True if what is in a tmpfs never gets to the disk; found out once. */
  avoidsSwap(): Promise<boolean>;
  /** @throws {VolumeError} `VOLUME_MOUNT` */
  mountTmpfs(path: string, options: TmpfsOptions, signal: AbortSignal): Promise<void>;
  /**
   * Mounts a file system of huge pages.
   *
   * @throws {VolumeError} `VOLUME_MOUNT`
   */
  mountHugepages(
    path: string,
    options: Readonly<{ pageBytes: number }>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Binds a file or directory, given by any path that leads to it, including one below /proc. */
  bind(source: string, target: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes a directory, given without links, a shared mount together with all mounts below it.
   *
   * @throws {VolumeError} `VOLUME_MOUNT`
   */
  share(dir: string, signal: AbortSignal): Promise<void>;
  /** Removes the topmost mount; there may be none. */
  unmount(path: string, signal: AbortSignal): Promise<void>;
  /**
   * True if exactly this path is a mount point; bind mounts of the same file system are not
   * detected.
   */
  isMountPoint(path: string): Promise<boolean>;
  list(): Promise<readonly MountPoint[]>;
}

/**
 * Project quotas, which count: a file belongs to the project of the directory in which it was made, and
 * the file system adds up what each project uses. Failures are {@link VolumeError} `VOLUME_IO`.
 */
export interface ProjectQuotas {
  /** Returns the reason why a file system does not count projects; undefined if it does. */
  problem(mountPoint: string): Promise<string | undefined>;
  /** Returns the use of every project that has any, or of one project only. */
  usage(mountPoint: string, project?: number): Promise<ReadonlyMap<number, ProjectUsage>>;
  /** Returns the projects of files and directories in the order given; 0 for none. */
  projectsOf(paths: readonly string[]): Promise<readonly number[]>;
  /** Makes the directory, and what will be made in it, part of a project. */
  assign(dir: string, project: number): Promise<void>;
  /** Returns numbers that the administrator has given to projects. */
  reserved(): Promise<ReadonlySet<number>>;
}

export interface SubPathRequest {
  /** The volume's own directory. */
  readonly volumeDir: string;
  /** Relative, without `..`. */
  readonly subPath: string;
  /** The path on which to bind it. */
  readonly target: string;
}

/**
 * Binds and reads parts of volumes, safely against containers that replace directories with
 * symbolic links meanwhile.
 */
export interface SubPaths {
  /**
   * Creates missing directories on the way; a target that already shows the same place stays.
   *
   * @throws {VolumeError} `VOLUME_SUB_PATH`, `VOLUME_MOUNT`
   */
  bind(request: SubPathRequest, signal: AbortSignal): Promise<void>;
  /**
   * The text of a file, which must be inside the volume.
   *
   * @throws {VolumeError} `VOLUME_SUB_PATH` if it is not a file, or outside the volume; `VOLUME_IO`
   *   if it does not exist or is larger than 1 MiB
   */
  read(file: Pick<SubPathRequest, 'volumeDir' | 'subPath'>): Promise<string>;
}

export interface TmpfsOptions {
  readonly sizeBytes?: number;
  /** Mode of its top directory; 0o1777 if absent. */
  readonly mode?: number;
}

/** The files of pods' volumes on this machine. */
export interface VolumeFiles {
  /** Creates a directory that everyone may write to; opens an existing one to everyone. */
  makeEmptyDir(path: string): Promise<void>;
  /**
   * The same below a directory in memory, where no call waits for a disk. Its parent directories
   * are created as needed and belong to no volume.
   *
   * @returns false if `base` does not exist
   */
  makeMemoryDir(base: string, path: string): boolean;
  /**
   * Makes sure that a path is a directory itself, and creates its parent directories. Replaces a
   * file or a link.
   *
   * @returns `found` if it was a directory
   */
  makeRealDir(path: string): Promise<'made' | 'found'>;
  /** Makes these symbolic links, targets by name, the only entries of a directory. */
  writeLinks(dir: string, links: ReadonlyMap<string, string>): Promise<void>;
  /** Creates an empty file, and its parent directories, as a mark that a step is complete. */
  mark(path: string): Promise<void>;
  isMarked(path: string): Promise<boolean>;
  /**
   * Gives a volume with everything in it to a group.
   *
   * @throws if a directory cannot be read, and without a listener also if a file cannot be changed
   */
  changeGroup(path: string, change: GroupChange, listener?: GroupListener): Promise<void>;
  /**
   * Replaces all files at once; readers see the old ones or the new ones. Does nothing if they are
   * unchanged.
   */
  writePayload(path: string, payload: Payload, place: PayloadPlace): Promise<void>;
  /**
   * Checks a path of the host, and creates it if its type requires that.
   *
   * @throws {VolumeError} `VOLUME_HOST_PATH`
   */
  checkHostPath(path: string, type: string): Promise<void>;
  /** The path without links; the given path if nothing exists there. */
  realPath(path: string): Promise<string>;
  /** Removes a directory with everything in it. The caller has unmounted everything below it. */
  removeTree(path: string): Promise<void>;
  /** Names of directories; empty if there is no such path. */
  subdirectories(path: string): Promise<readonly string[]>;
}

export interface PayloadOwner {
  /** The pod's fsGroup: owns the files, and may read them regardless of their mode. */
  readonly gid?: number;
}

export interface PayloadPlace extends PayloadOwner {
  /** The directory is on a memory file system, where no call ever waits for a disk. */
  readonly inMemory: boolean;
}

export interface GroupChange {
  readonly gid: number;
  /** `OnRootMismatch` does nothing if the volume's own directory already belongs to the group. */
  readonly policy: 'Always' | 'OnRootMismatch';
  /** The group may only read. */
  readonly readOnly: boolean;
}

/** Follows a change of many files. */
export interface GroupListener {
  readonly signal: AbortSignal;
  /** Called after each file, link and directory. */
  onFile(): void;
  /** The file system refused to change one of them: file servers may. */
  onRefused(error: unknown): void;
}

export interface ResourceSelector {
  readonly containerName?: string;
  readonly resource: string;
  readonly divisor?: string;
}

/** The value of a downward API field of a pod; undefined for an unsupported field. */
export interface FieldReader {
  field(pod: Pod, path: string): string | undefined;
  resource(pod: Pod, selector: ResourceSelector): string | undefined;
}
