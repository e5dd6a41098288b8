import { join } from 'node:path/posix';

import type { PathSegment } from '@nodeagent/base';

import type { PodUid } from '../../pod/index.js';
import { podDir } from '../../volumes/index.js';

/** Plug-ins that are part of the kubelet, by their directory names. */
export type InTreeDir = 'kubernetes.io~local-volume' | 'kubernetes.io~nfs';

/** The directory of one plug-in's volumes in a pod. */
export function podPluginDir(rootDir: string, uid: PodUid, plugin: InTreeDir): string {
  return join(podDir(rootDir, uid), 'volumes', plugin);
}

/** The directory of the links to one plug-in's devices in a pod. */
export function podPluginDevices(rootDir: string, uid: PodUid, plugin: InTreeDir): string {
  return join(podDir(rootDir, uid), 'volumeDevices', plugin);
}

/** The mount point of a local device's file system for the whole node. */
export function localMount(rootDir: string, specName: PathSegment): string {
  return join(rootDir, 'plugins', 'kubernetes.io', 'local-volume', 'mounts', specName);
}

/** Contains a bind mount of a local device for each pod. */
export function localMapDir(rootDir: string, specName: PathSegment): string {
  return join(rootDir, 'plugins', 'kubernetes.io~local-volume', 'volumeDevices', specName);
}
