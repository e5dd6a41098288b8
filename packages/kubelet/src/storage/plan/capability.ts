import type { AccessMode, NodeCapability, VolumeCapability } from '@nodeagent/csi';

import type { CsiVolume } from '../model/csi-volume.js';

/**
 * How a volume is to be mounted, in the terms of CSI.
 *
 * @param fsGroup sent to a driver that gives files to a group by itself
 * @see Kubernetes 1.36 pkg/volume/csi/csi_client.go, asCSIAccessModeV1 and asSingleNodeMultiWriterCapableCSIAccessModeV1
 */
export function volumeCapability(
  { fsType, mountOptions, accessModes }: CsiVolume,
  capabilities: ReadonlySet<NodeCapability>,
  fsGroup: number | undefined,
): VolumeCapability {
  const givesGroup = capabilities.has('volume-mount-group') && fsGroup !== undefined;
  const value = {
    fsType,
    mountFlags: mountOptions,
    volumeMountGroup: givesGroup ? String(fsGroup) : '',
  };
  const mode = accessMode(accessModes[0], capabilities.has('single-node-multi-writer'));
  return { access: { kind: 'mount', value }, accessMode: { mode } };
}

function accessMode(mode: string | undefined, knowsSeveralWriters: boolean): AccessMode {
  switch (mode) {
    case 'ReadOnlyMany':
      return 'multi-node-reader-only';
    case 'ReadWriteMany':
      return 'multi-node-multi-writer';
    case 'ReadWriteOncePod':
      return knowsSeveralWriters ? 'single-node-single-writer' : 'single-node-writer';
    default:
      return knowsSeveralWriters ? 'single-node-multi-writer' : 'single-node-writer';
  }
}
