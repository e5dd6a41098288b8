import type { CsiServices, NodeCapability, VolumeCapability } from '@nodeagent/csi';
import type { Pod } from '@nodeagent/kube-client';

import { podUid } from '../../pod/index.js';
import { inStep } from '../../volumes/run/index.js';
import type { CsiVolume, DriverRules } from '../model/csi-volume.js';
import { volumeCapability } from '../plan/capability.js';
import type { Attachments } from './attachments.js';
import type { DriverLookup } from './csi-drivers.js';

/** A volume that is being mounted, with its driver's settings. */
export interface Mounting {
  readonly pod: Pod;
  readonly volume: CsiVolume;
  readonly rules: DriverRules;
  /** The SELinux label in the mount's options; empty for none. */
  readonly label: string;
  readonly node: CsiServices['node'];
  readonly capabilities: ReadonlySet<NodeCapability>;
  readonly capability: VolumeCapability;
  readonly publishContext: Readonly<Record<string, string>>;
}

export interface MountingPorts {
  readonly drivers: DriverLookup;
  readonly attachments: Pick<Attachments, 'attached'>;
}

/**
 * @throws {VolumeError} `VOLUME_SOURCE` while the driver is unavailable; `VOLUME_PENDING` until the
 *   volume is attached; {CsiError} from the driver
 */
export async function openMounting(
  { drivers, attachments }: MountingPorts,
  { pod, volume, rules, label }: Pick<Mounting, 'pod' | 'volume' | 'rules' | 'label'>,
  signal: AbortSignal,
): Promise<Mounting> {
  const publishContext = await inStep(
    volume.mode === 'Block' ? 'MapVolume' : 'MountVolume',
    'WaitForAttach',
    volume.specName,
    () => attachments.attached(podUid(pod), volume, rules, signal),
  );
  const node = drivers.node(volume.driver);
  const capabilities = await capabilitiesOf(node, signal);
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  const capability = volumeCapability(volume, capabilities, fsGroup, label);
  return { pod, volume, rules, label, node, capabilities, publishContext, capability };
}

/** Requested every time: a driver may be replaced by a later version. */
export async function capabilitiesOf(
  node: CsiServices['node'],
  signal: AbortSignal,
): Promise<ReadonlySet<NodeCapability>> {
  const { capabilities } = await node.getCapabilities({}, signal);
  return new Set(capabilities.flatMap(({ type }) => type?.value.type ?? []));
}
