import { join } from 'node:path/posix';

import { type PathSegment, toPathSegment } from '@nodeagent/base';
import type { Volume } from '@nodeagent/kube-client';

import type { PodUid } from '../../pod/index.js';

/**
 * Volumes whose files the kubelet writes; directory names as in other kubelets' pod directories.
 */
const PLUGIN_DIRS = {
  emptyDir: 'kubernetes.io~empty-dir',
  configMap: 'kubernetes.io~configmap',
  secret: 'kubernetes.io~secret',
  downwardAPI: 'kubernetes.io~downward-api',
  projected: 'kubernetes.io~projected',
} as const;

export type ManagedKind = keyof typeof PLUGIN_DIRS;

const MANAGED_KINDS = Object.keys(PLUGIN_DIRS) as readonly ManagedKind[];

/** @returns undefined for volumes whose files the kubelet does not write */
export function managedKind(volume: Volume): ManagedKind | undefined {
  return MANAGED_KINDS.find((kind) => volume[kind] !== undefined);
}

/** Content from the API that must not touch a disk. */
const IN_MEMORY: ReadonlySet<ManagedKind> = new Set(['secret', 'downwardAPI', 'projected']);

export function isInMemory(kind: ManagedKind): boolean {
  return IN_MEMORY.has(kind);
}

/** @throws {RangeError} for a name that no accepted pod has */
export function volumeName(volume: Volume): PathSegment {
  return toPathSegment(volume.name, 'volume name');
}

/** `<root>/pods/<uid>`: everything of one pod. */
export function podDir(rootDir: string, podUid: PodUid): string {
  return join(rootDir, 'pods', podUid);
}

/** Identifies a volume among those of its pod. */
export interface ManagedVolume {
  readonly kind: ManagedKind;
  readonly name: PathSegment;
}

export interface VolumeDirs {
  /**
   * The place where every kubelet shows the volume, always a directory.
   *
   * @see Kubernetes 1.36 pkg/kubelet/kubelet_getters.go, getPodVolumeDir
   */
  readonly visible: string;
  /** Has the files themselves: containers mount this one. */
  readonly content: string;
}

/** The two directories differ for content that must not touch a disk. */
export function volumeDirs(rootDir: string, podUid: PodUid, volume: ManagedVolume): VolumeDirs {
  const inPod = join(PLUGIN_DIRS[volume.kind], volume.name);
  const visible = join(podDir(rootDir, podUid), 'volumes', inPod);
  if (!isInMemory(volume.kind)) return { visible, content: visible };
  return { visible, content: join(memoryPodDir(rootDir, podUid), inPod) };
}

/** The mount point of the one memory file system for content from the API. */
export function memoryMount(rootDir: string): string {
  return join(rootDir, 'volumes-in-memory');
}

/** Created right after mounting: while it exists, everything below it is in memory. */
export function memoryBase(rootDir: string): string {
  return join(memoryMount(rootDir), 'pods');
}

/** The directory of all in-memory volumes of one pod. */
export function memoryPodDir(rootDir: string, podUid: PodUid): string {
  return join(memoryBase(rootDir), podUid);
}

/**
 * The host path that the container runtime mounts for a volume.
 *
 * @returns undefined for kinds of volume that have no directory on the host, or are unknown
 */
export function volumeHostPath(
  rootDir: string,
  podUid: PodUid,
  volume: Volume,
): string | undefined {
  if (volume.hostPath !== undefined) return volume.hostPath.path;
  const kind = managedKind(volume);
  if (kind === undefined) return undefined;
  return volumeDirs(rootDir, podUid, { kind, name: volumeName(volume) }).content;
}

/** Bind mounts of parts of volumes, one for each container and position in its volumeMounts. */
export function subPathTarget(
  rootDir: string,
  podUid: PodUid,
  mount: Readonly<{ volume: PathSegment; container: PathSegment; index: number }>,
): string {
  const { volume, container, index } = mount;
  return join(podDir(rootDir, podUid), 'volume-subpaths', volume, container, String(index));
}

/**
 * The file that marks a volume's directory as set up, so that its mode is not opened again after a
 * container has restricted it.
 *
 * @see Kubernetes 1.36 pkg/volume/emptydir/empty_dir.go, getMetaDir
 */
export function readyMark(rootDir: string, podUid: PodUid, { kind, name }: ManagedVolume): string {
  const inner = kind === 'emptyDir' ? name : `wrapped_${name}`;
  return join(podDir(rootDir, podUid), 'plugins', PLUGIN_DIRS.emptyDir, inner, 'ready');
}
