import { VolumeError } from '../../volumes/index.js';
import type { CsiVolume } from '../model/csi-volume.js';
import { volumeCapability } from '../plan/capability.js';
import type { DriverLookup } from './csi-drivers.js';
import { capabilitiesOf } from './csi-mounting.js';
import type { MountedVolume } from './csi-volumes.js';
import type { StorageApi } from './storage-api.js';

export interface GrowPorts {
  readonly drivers: DriverLookup;
  readonly api: Pick<StorageApi, 'secretValues'>;
}

/**
 * Makes the driver expand a volume on this node.
 *
 * @throws {VolumeError} `VOLUME_UNSUPPORTED` if the driver does not support that; {CsiError}
 */
export async function growCsi(
  { drivers, api }: GrowPorts,
  { volume, at }: Readonly<{ volume: CsiVolume; at: MountedVolume }>,
  requiredBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const node = drivers.node(volume.driver);
  const capabilities = await capabilitiesOf(node, signal);
  if (!capabilities.has('expand-volume')) {
    const text = `NodeExpand is not supported by the CSI driver ${volume.driver}`;
    throw new VolumeError('VOLUME_UNSUPPORTED', text);
  }
  const secrets = await api.secretValues(volume.expandSecret, 'NodeExpandSecretRef', signal);
  await node.expandVolume(
    {
      volumeId: volume.volumeHandle,
      volumePath: at.path,
      stagingTargetPath: at.stagingPath,
      capacityRange: { requiredBytes, limitBytes: 0 },
      volumeCapability: volumeCapability(volume, capabilities, undefined),
      secrets,
    },
    signal,
  );
}
