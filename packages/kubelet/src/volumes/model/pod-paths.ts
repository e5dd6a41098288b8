import { dirname, join, relative } from 'node:path/posix';

import { type PathSegment, toPathSegment } from '@nodeagent/base';
import type { Volume } from '@nodeagent/kube-client';

import type { PodUid } from '../../pod/index.js';

/** Volumes whose files the kubelet makes; directory names as in other kubelets' pod directories. */
const PLUGIN_DIRS = {
  emptyDir: 'kubernetes.io~empty-dir',
  configMap: 'kubernetes.io~configmap',
  secret: 'kubernetes.io~secret',
  downwardAPI: 'kubernetes.io~downward-api',
  projected: 'kubernetes.io~projected',
} as const;

export type ManagedKind = keyof typeof PLUGIN_DIRS;

const MANAGED_KINDS = Object.keys(PLUGIN_DIRS) as readonly ManagedKind[];

/** @returns undefined for volumes whose files are not the kubelet's */
export function managedKind(volume: Volume): ManagedKind | undefined {
  return MANAGED_KINDS.find((kind) => volume[kind] !== undefined);
}

/** @throws {RangeError} for a name that no pod that was let in has */
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

/** Where the one memory file system for content from the API is mounted. */
export function memoryMount(rootDir: string): string {
  return join(rootDir, 'volumes-in-memory');
}

/** Made right after mounting: while it is there, what is below it is in memory. */
export function memoryBase(rootDir: string): string {
  return join(memoryMount(rootDir), 'pods');
}

/** All volumes in memory of one pod. */
export function memoryPodDir(rootDir: string, podUid: PodUid): string {
  return join(memoryBase(rootDir), podUid);
}

/** What {@link managedVolumeDir} leads to where a volume's content must not touch a disk. */
export function memoryVolumeDir(
  rootDir: string,
  podUid: PodUid,
  volume: Readonly<{ kind: ManagedKind; name: PathSegment }>,
): string {
  return join(memoryPodDir(rootDir, podUid), PLUGIN_DIRS[volume.kind], volume.name);
}

/** What is written into that link: relative, so that it holds wherever else the root is shown. */
export function memoryVolumeLink(
  rootDir: string,
  podUid: PodUid,
  volume: Readonly<{ kind: ManagedKind; name: PathSegment }>,
): string {
  const link = managedVolumeDir(rootDir, podUid, volume);
  return relative(dirname(link), memoryVolumeDir(rootDir, podUid, volume));
}

/**
 * Where the container runtime finds a volume.
 *
 * @returns undefined for kinds of volume that have no directory on the host, or are not known
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

/** Bind mounts of parts of volumes, one per container and position in its volumeMounts. */
export function subPathTarget(
  rootDir: string,
  podUid: PodUid,
  mount: Readonly<{ volume: PathSegment; container: PathSegment; index: number }>,
): string {
  const { volume, container, index } = mount;
  return join(podDir(rootDir, podUid), 'volume-subpaths', volume, container, String(index));
}

/**
 * The file that says that the directory of a volume has been set up, so that it is not opened to
 * everybody again after a container closed it.
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
