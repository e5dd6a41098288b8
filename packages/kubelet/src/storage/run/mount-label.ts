import type { Pod } from '@nodeagent/kube-client';

import { type Bound, IN_TREE_PLUGINS } from '../../disks/index.js';
import { podUid } from '../../pod/index.js';
import type { VolumeLabels } from '../../selinux/run/index.js';
import { VolumeError } from '../../volumes/index.js';
import { uniqueName } from '../model/csi-paths.js';
import type { BackingVolume } from '../model/csi-volume.js';
import type { ActualVolumes } from './actual-volumes.js';
import type { CsiVolumes } from './csi-volumes.js';
import type { StorageApi } from './storage-api.js';

export interface MountLabelPorts {
  readonly labels: VolumeLabels;
  readonly api: Pick<StorageApi, 'driverRules'>;
  readonly actual: Pick<ActualVolumes, 'labelOf' | 'ready' | 'users'>;
  readonly csi: Pick<CsiVolumes, 'release'>;
}

export interface LabelWish {
  readonly pod: Pod;
  /** The pod's name of the volume. */
  readonly name: string;
  readonly backing: BackingVolume;
  readonly bound: Bound | undefined;
}

/**
 * The label for the options of a volume's mount; empty for none. A pod that has the volume already
 * keeps its mount.
 *
 * @throws {VolumeError} `VOLUME_SOURCE` for a volume that cannot have one label, and while it is
 *   mounted with another one
 */
export async function mountLabel(
  { labels, api, actual, csi }: MountLabelPorts,
  { pod, name, backing, bound }: LabelWish,
  signal: AbortSignal,
): Promise<string> {
  if (!labels.isOn) return '';
  const uid = podUid(pod);
  const accessModes = bound && (bound.found.spec?.accessModes ?? []);
  const of = { pod, name, accessModes, specName: bound?.found.metadata?.name ?? name };
  if (backing.kind !== 'csi') {
    const plugin = IN_TREE_PLUGINS[backing.kind];
    const isShared = backing.kind === 'local';
    const unique = `${plugin}/${isShared ? '' : `${uid}-`}${of.specName}`;
    const never = { mountsWithLabel: false, isMounted: false };
    return labels.admit({ ...of, ...never, plugin, uniqueName: unique });
  }
  const { driver, volumeHandle } = backing;
  const rules = await api.driverRules(driver, signal);
  const unique = uniqueName(driver, volumeHandle);
  await actual.ready();
  const mounted = actual.labelOf(driver, volumeHandle);
  const isMounted = mounted !== undefined && actual.users(driver, volumeHandle).includes(uid);
  const label = labels.admit({
    ...of,
    plugin: `kubernetes.io/csi/${driver}`,
    uniqueName: unique,
    mountsWithLabel: rules.seLinuxMount,
    isMounted,
  });
  if (mounted === undefined || mounted === label) return label;
  if (isMounted) return mounted;
  await csi.release({ driver, volumeHandle }, signal);
  if (actual.labelOf(driver, volumeHandle) === undefined) return label;
  const text = `waiting for unmount of volume "${unique}", because it is already mounted to a different pod with a different SELinux label`;
  throw new VolumeError('VOLUME_SOURCE', text);
}
