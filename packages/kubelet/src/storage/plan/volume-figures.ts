import type { VolumeStats } from '@nodeagent/csi';

import type { VolumeFigures } from '../../volumes/index.js';

/**
 * The figures in a driver's answer; 0 for missing ones.
 *
 * @throws {Error} for an answer without any
 * @see Kubernetes 1.36 pkg/volume/csi/csi_client.go, NodeGetVolumeStats
 */
export function volumeFigures(
  usage: VolumeStats['usage'],
): Omit<VolumeFigures, 'abnormal' | 'atMs' | 'claim' | 'name'> {
  if (usage.length === 0) throw new Error('failed to get usage from response. usage is nil');
  const bytes = usage.find(({ unit }) => unit === 'bytes');
  const inodes = usage.find(({ unit }) => unit === 'inodes');
  return {
    capacityBytes: bytes?.total ?? 0,
    availableBytes: bytes?.available ?? 0,
    usedBytes: bytes?.used ?? 0,
    inodes: inodes?.total ?? 0,
    inodesFree: inodes?.available ?? 0,
    inodesUsed: inodes?.used ?? 0,
  };
}
