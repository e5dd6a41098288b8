import { accessModeOf, type NodeCapability, type VolumeCapability } from '@nodeagent/csi';

import { contextOption } from '../../selinux/index.js';
import type { CsiVolume } from '../model/csi-volume.js';

/**
 * The requested use of a volume, in CSI's terms.
 *
 * @param fsGroup sent to a driver that changes the group of files itself
 * @param label the SELinux label of all files; empty for none
 */
export function volumeCapability(
  { fsType, mountOptions, accessModes, mode: volumeMode }: CsiVolume,
  capabilities: ReadonlySet<NodeCapability>,
  fsGroup: number | undefined,
  label = '',
): VolumeCapability {
  const givesGroup = capabilities.has('volume-mount-group') && fsGroup !== undefined;
  const value = {
    fsType,
    mountFlags: label === '' ? mountOptions : [...mountOptions, contextOption(label)],
    volumeMountGroup: givesGroup ? String(fsGroup) : '',
  };
  const mode = accessModeOf(accessModes[0], capabilities.has('single-node-multi-writer'));
  const isBlock = volumeMode === 'Block';
  const access = isBlock
    ? ({ kind: 'block', value: {} } as const)
    : ({ kind: 'mount', value } as const);
  return { access, accessMode: { mode } };
}
