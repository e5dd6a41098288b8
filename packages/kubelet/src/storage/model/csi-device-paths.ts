import { join } from 'node:path/posix';

import type { PathSegment } from '@nodeagent/base';

import type { PodUid } from '../../pod/index.js';
import { podDir } from '../../volumes/index.js';
import { CSI_DIR, stagingRoot } from './csi-paths.js';

/**
 * The directory of block volumes: one directory for each volume, and beside them `staging` and
 * `publish`.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_block.go
 */
export function devicesRoot(rootDir: string): string {
  return join(stagingRoot(rootDir), 'volumeDevices');
}

/** Names below {@link devicesRoot} that do not belong to a volume. */
export const NOT_VOLUMES: ReadonlySet<string> = new Set(['staging', 'publish']);

/** The directories of one block volume on this node. */
export interface DevicePlaces {
  /** `<volume>`, which contains `dev` and `data`. */
  readonly dir: string;
  /** Contains vol_data.json. */
  readonly dataDir: string;
  /** Contains a bind mount of the device for each pod, by uid. */
  readonly mapDir: string;
  readonly stagingPath: string;
  /** Contains the driver's publication for each pod, by uid. */
  readonly publishDir: string;
}

export function devicePlaces(rootDir: string, specName: PathSegment): DevicePlaces {
  const root = devicesRoot(rootDir);
  const dir = join(root, specName);
  return {
    dir,
    dataDir: join(dir, 'data'),
    mapDir: join(dir, 'dev'),
    stagingPath: join(root, 'staging', specName),
    publishDir: join(root, 'publish', specName),
  };
}

/** The directory of the links to a pod's CSI devices. */
export function podDeviceDir(rootDir: string, uid: PodUid): string {
  return join(podDir(rootDir, uid), 'volumeDevices', CSI_DIR);
}

/** The link that containers get as their device. */
export function podDevicePath(rootDir: string, uid: PodUid, specName: PathSegment): string {
  return join(podDeviceDir(rootDir, uid), specName);
}
