import type { AccessMode } from '../codec/volume.js';

/**
 * Translates an access mode of a PersistentVolume; an unknown one, and none, is `ReadWriteOnce`.
 *
 * @param knowsSeveralWriters the driver has the capability `single-node-multi-writer`, and so tells
 *   one writer on a node from several
 * @see Kubernetes 1.36 pkg/volume/csi/csi_client.go, asCSIAccessModeV1 and
 *   asSingleNodeMultiWriterCapableCSIAccessModeV1
 */
export function accessModeOf(mode: string | undefined, knowsSeveralWriters: boolean): AccessMode {
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
