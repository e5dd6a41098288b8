import { createHash } from 'node:crypto';
import { join } from 'node:path/posix';

import { type PathSegment, toPathSegment } from '@nodeagent/base';

import type { PodUid } from '../../pod/index.js';
import { podDir } from '../../volumes/index.js';

/** The plug-in's name as a directory name. */
export const CSI_DIR = 'kubernetes.io~csi';

/** The directories of all CSI volumes of a pod. */
export function podCsiDir(rootDir: string, uid: PodUid): string {
  return join(podDir(rootDir, uid), 'volumes', CSI_DIR);
}

/**
 * The directory of a volume for one pod: `<dir>/mount`, and beside it the record for taking it
 * down.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_mounter.go
 */
export function publishDir(rootDir: string, uid: PodUid, specName: PathSegment): string {
  return join(podCsiDir(rootDir, uid), specName);
}

/** The mount point of the volume itself, below {@link publishDir}. */
export function mountPath(dir: string): string {
  return join(dir, 'mount');
}

/** The directory of all staged volumes: directories by driver, and in these by volume. */
export function stagingRoot(rootDir: string): string {
  return join(rootDir, 'plugins', 'kubernetes.io', 'csi');
}

/**
 * The directory of a volume for the whole node: `<dir>/globalmount`, and beside it the same record.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_attacher.go, makeDeviceMountPath
 */
export function stagingDir(rootDir: string, driver: string, volumeHandle: string): string {
  const hashed = createHash('sha256').update(volumeHandle).digest('hex');
  return join(stagingRoot(rootDir), toPathSegment(driver, 'CSI driver name'), hashed);
}

export function stagingPath(dir: string): string {
  return join(dir, 'globalmount');
}

/** The file beside both kinds of mounts. */
export function volDataPath(dir: string): string {
  return join(dir, 'vol_data.json');
}

/** The name of the VolumeAttachment that shows whether a volume is attached to this node. */
export function attachmentName(volumeHandle: string, driver: string, nodeName: string): string {
  const hash = createHash('sha256').update(`${volumeHandle}${driver}${nodeName}`).digest('hex');
  return `csi-${hash}`;
}

/** The handle of a volume that a pod declares inline. */
export function inlineHandle(podUid: string, volumeName: string): string {
  return `csi-${createHash('sha256').update(`${podUid}${volumeName}`).digest('hex')}`;
}

/** The name of a volume in a Node's `volumesInUse` and `volumesAttached`. */
export function uniqueName(driver: string, volumeHandle: string): string {
  return `kubernetes.io/csi/${driver}^${volumeHandle}`;
}

/** The name of one pod's part of a volume. */
export function podVolumeName(
  podUid: string,
  { driver, volumeHandle }: Readonly<{ driver: string; volumeHandle: string }>,
): string {
  return `${uniqueName(driver, volumeHandle)}/${podUid}`;
}
