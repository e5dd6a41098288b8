import type { MountPoint } from '@nodeagent/base';
import type { ConfigMap, LabelSelectorSpec, Pod, Secret, Volume } from '@nodeagent/kube-client';

import type { PodUid } from '../pod/index.js';
import type { Payload } from './model/payload.js';

/** Config maps and secrets that pods refer to. */
export interface ObjectSource {
  /** @returns undefined when there is none of this name */
  configMap(namespace: string, name: string, signal: AbortSignal): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
}

export interface TokenRequestSpec {
  /** The API server's own audience when absent. */
  readonly audience?: string;
  readonly expirationSeconds: number;
}

/** Service account tokens bound to one pod. */
export interface TokenSource {
  /** A token that is good for a while yet: from the cache, or a new one. */
  token(pod: Pod, request: TokenRequestSpec, signal: AbortSignal): Promise<string>;
  /** Forgets the tokens of a pod that is gone. */
  forget(podUid: string): void;
}

/** Which of the cluster's trust bundles: one by name, or those of a signer that a selector picks. */
export interface TrustBundleRef {
  readonly name?: string;
  readonly signerName?: string;
  /** Nothing is picked where it is absent, everything where it is empty. */
  readonly labelSelector?: LabelSelectorSpec;
  /** None is fine. */
  readonly optional?: boolean;
}

export interface TrustAnchorSource {
  /** PEM; empty where an optional one is missing. @throws when a needed one is */
  anchors(ref: TrustBundleRef, signal: AbortSignal): Promise<string>;
}

/** A podCertificate source: the volume's name, and which of its sources. */
export interface CertificateRef {
  readonly volume: string;
  readonly index: number;
}

export interface PodCertificateSource {
  /** The one in force, PEM. @throws while there is none, and when it was refused */
  certificate(
    pod: Pod,
    ref: CertificateRef,
    signal: AbortSignal,
  ): Promise<Readonly<{ keyPem: string; chainPem: string }>>;
}

/** Where a volume is on this machine, and how containers may use it. */
export interface VolumePlace {
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** Its files are the pod's alone: they may be given another label for its sake. */
  readonly managed: boolean;
}

/** Volumes whose content is not the kubelet's: by claims, and of storage drivers. */
export interface ClaimedVolumes {
  /**
   * Mounts the volume for the pod; repeated on every sync.
   *
   * @returns false for a volume of another kind, which it leaves alone
   * @throws {VolumeError} and errors of drivers, while it cannot be mounted
   */
  prepare(pod: Pod, volume: Volume, signal: AbortSignal): Promise<boolean>;
  /** Where `prepare` has mounted it. */
  placeOf(podUid: string, volume: string): VolumePlace | undefined;
  /** Takes down everything of the pod. @throws while something cannot be */
  teardown(podUid: PodUid, signal: AbortSignal): Promise<void>;
}

/** mount(2) and umount(2). */
export interface Mounter {
  /** @throws {VolumeError} `VOLUME_MOUNT` */
  mountTmpfs(path: string, options: TmpfsOptions, signal: AbortSignal): Promise<void>;
  /** A file system whose pages are huge ones. @throws {VolumeError} `VOLUME_MOUNT` */
  mountHugepages(
    path: string,
    options: Readonly<{ pageBytes: number }>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Binds a file or directory, given by any path that leads to it, also one below /proc. */
  bind(source: string, target: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes a directory, given without links, a shared mount with all that is mounted below it.
   *
   * @throws {VolumeError} `VOLUME_MOUNT`
   */
  share(dir: string, signal: AbortSignal): Promise<void>;
  /** Takes off the topmost mount; nothing mounted there is fine. */
  unmount(path: string, signal: AbortSignal): Promise<void>;
  /** Whether something is mounted exactly there; bind mounts of the same filesystem do not show. */
  isMountPoint(path: string): Promise<boolean>;
  list(): Promise<readonly MountPoint[]>;
}

export interface SubPathRequest {
  /** The volume's own directory. */
  readonly volumeDir: string;
  /** Relative, without `..`. */
  readonly subPath: string;
  /** Where to bind it. */
  readonly target: string;
}

/** Parts of volumes, safe against containers that swap directories for symbolic links meanwhile. */
export interface SubPaths {
  /**
   * Makes missing directories on the way; a target that shows the same place already stays.
   *
   * @throws {VolumeError} `VOLUME_SUB_PATH`, `VOLUME_MOUNT`
   */
  bind(request: SubPathRequest, signal: AbortSignal): Promise<void>;
  /**
   * The text of a file, never of one outside the volume.
   *
   * @throws {VolumeError} `VOLUME_SUB_PATH` when it is none, or leads out; `VOLUME_IO` when it is not
   *   there or larger than 1 MiB
   */
  read(file: Pick<SubPathRequest, 'volumeDir' | 'subPath'>): Promise<string>;
}

export interface TmpfsOptions {
  readonly sizeBytes?: number;
  /** Of its top directory; 0o1777 when absent. */
  readonly mode?: number;
}

/** The files of pods on this machine. */
export interface VolumeFiles {
  /** Makes a directory that anybody may write to; one that is there is opened to anybody. */
  makeEmptyDir(path: string): Promise<void>;
  /**
   * The same below a directory in memory, where nothing waits for a disk; its parents are nobody's.
   *
   * @returns false when there is no `base`
   */
  makeMemoryDir(base: string, path: string): boolean;
  /**
   * Makes a symbolic link, and its directories; one that leads elsewhere is replaced.
   *
   * @returns `occupied` where something else is in its place, which stays
   */
  link(path: string, target: string): Promise<'linked' | 'occupied'>;
  /** An empty file that says that something is done; its directories are made. */
  mark(path: string): Promise<void>;
  isMarked(path: string): Promise<boolean>;
  /** Gives a volume with everything in it to a group. */
  changeGroup(path: string, change: GroupChange): Promise<void>;
  /** Replaces all files at once; readers see the old ones or the new ones. Does nothing if they are the same. */
  writePayload(path: string, payload: Payload, place: PayloadPlace): Promise<void>;
  /** Checks a path of the host, and makes what its type asks for. @throws {VolumeError} `VOLUME_HOST_PATH` */
  checkHostPath(path: string, type: string): Promise<void>;
  /** Without links; the path itself when there is nothing. */
  realPath(path: string): Promise<string>;
  /** Removes a directory with everything in it; whoever calls has unmounted what was mounted there. */
  removeTree(path: string): Promise<void>;
  /** Names of directories; empty when there is no such path. */
  subdirectories(path: string): Promise<readonly string[]>;
}

export interface PayloadOwner {
  /** The pod's fsGroup: owns the files, and may read them whatever their mode. */
  readonly gid?: number;
}

export interface PayloadPlace extends PayloadOwner {
  /** Whether its file system is one of the kernel's memory, where no call ever waits for a disk. */
  readonly inMemory: boolean;
}

export interface GroupChange {
  readonly gid: number;
  /** `OnRootMismatch` does nothing when the volume's own directory is the group's already. */
  readonly policy: 'Always' | 'OnRootMismatch';
  /** The group may read only. */
  readonly readOnly: boolean;
}

export interface ResourceSelector {
  readonly containerName?: string;
  readonly resource: string;
  readonly divisor?: string;
}

/** What the downward API says of a pod; undefined for what pods cannot ask for. */
export interface FieldReader {
  field(pod: Pod, path: string): string | undefined;
  resource(pod: Pod, selector: ResourceSelector): string | undefined;
}
