import { accessModeOf, type ControllerCapability, type VolumeCapability } from '@nodeagent/csi';

export interface Usage {
  readonly accessModes: readonly string[];
  readonly volumeMode: string | undefined;
  readonly fsType: string;
  readonly mountOptions: readonly string[];
}

/**
 * Returns the uses of a volume in the terms of CSI, one for each access mode.
 *
 * @see kubernetes-csi/external-provisioner pkg/controller, getVolumeCapability
 */
export function volumeCapabilities(
  { accessModes, volumeMode, fsType, mountOptions }: Usage,
  controller: ReadonlySet<ControllerCapability>,
): readonly VolumeCapability[] {
  const mount = { fsType, mountFlags: [...mountOptions], volumeMountGroup: '' };
  const access =
    volumeMode === 'Block'
      ? ({ kind: 'block', value: {} } as const)
      : ({ kind: 'mount', value: mount } as const);
  const knowsSeveral = controller.has('single-node-multi-writer');
  return accessModes.map((mode) => ({
    access,
    accessMode: { mode: accessModeOf(mode, knowsSeveral) },
  }));
}
