import { dirname, join, relative } from 'node:path/posix';

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

/** @throws {RangeError} for a name that no accepted pod has */
export function volumeName(volume: Volume): PathSegment {
  return toPathSegment(volume.name, 'volume name');
}

/** `<root>/pods/<uid>`: everything of one pod. */
export function podDir(rootDir: string, podUid: PodUid): string {
  return join(rootDir, 'pods', podUid);
}

/** @see Kubernetes 1.36 pkg/kubelet/kubelet_getters.go, getPodVolumeDir */
export function managedVolumeDir(
  rootDir: string,
  podUid: PodUid,
  volume: Readonly<{ kind: ManagedKind; name: PathSegment }>,
): string {
  return join(podDir(rootDir, podUid), 'volumes', PLUGIN_DIRS[volume.kind], volume.name);
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
 * The target of the link {@link managedVolumeDir} for volumes whose content must not touch a disk.
 */
export function memoryVolumeDir(
  rootDir: string,
  podUid: PodUid,
  volume: Readonly<{ kind: ManagedKind; name: PathSegment }>,
): string {
  return join(memoryPodDir(rootDir, podUid), PLUGIN_DIRS[volume.kind], volume.name);
}

/** The text of that link: relative, so that it also works where the root is mounted elsewhere. */
export function memoryVolumeLink(
  rootDir: string,
  podUid: PodUid,
  volume: Readonly<{ kind: ManagedKind; name: PathSegment }>,
): string {
  const link = managedVolumeDir(rootDir, podUid, volume);
  return relative(dirname(link), memoryVolumeDir(rootDir, podUid, volume));
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
  return managedVolumeDir(rootDir, podUid, { kind, name: volumeName(volume) });
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
export function readyMark(
  rootDir: string,
  podUid: PodUid,
  { kind, name }: Readonly<{ kind: ManagedKind; name: PathSegment }>,
): string {
  const inner = kind === 'emptyDir' ? name : `wrapped_${name}`;
  return join(podDir(rootDir, podUid), 'plugins', PLUGIN_DIRS.emptyDir, inner, 'ready');
}
