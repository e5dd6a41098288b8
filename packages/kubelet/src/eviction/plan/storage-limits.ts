import { formatQuantity, parseQuantity, type Quantity, quantityToUnits } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podLimits } from '../../pod/index.js';
import type { DiskLayout, PodFigures } from '../model/snapshot.js';

/** A limit of local storage that a pod exceeds. */
export interface Excess {
  /** Label of the metric of evictions. */
  readonly signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  readonly message: string;
}

/** Returns whether a pod limits local storage, so that its use must be known. */
export function limitsStorage(pod: Pod): boolean {
  const { volumes = [], containers = [] } = pod.spec ?? {};
  return (
    volumes.some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) ||
    containers.some(({ resources }) => resources?.limits?.['ephemeral-storage'] !== undefined) ||
    podLimits(pod).has('ephemeral-storage')
  );
}

/**
 * Finds the first limit that a pod exceeds: of a scratch volume, of the whole pod, of a container.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/eviction_manager.go, localStorageEviction
 */
export function storageExcess(
  pod: Pod,
  figures: PodFigures,
  layout: DiskLayout,
): Excess | undefined {
  return (
    volumeExcess(pod, figures) ?? podExcess(pod, figures) ?? containerExcess(pod, figures, layout)
  );
}

function volumeExcess(pod: Pod, { volumes }: PodFigures): Excess | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = quantityOf(emptyDir?.sizeLimit);
    const used = volumes.find((each) => each.name === name)?.bytes;
    if (limit === undefined || limit <= 0n || used === undefined) continue;
    if (used <= quantityToUnits(limit)) continue;
    const text = formatQuantity(limit, 'binary');
    const message = `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(text)}. `;
    return { signal: 'emptydirfs.limit', message };
  }
  return undefined;
}

function podExcess(pod: Pod, { ephemeralBytes }: PodFigures): Excess | undefined {
  const limit = podLimits(pod).get('ephemeral-storage');
  if (limit === undefined || ephemeralBytes === undefined) return undefined;
  if (ephemeralBytes <= quantityToUnits(limit)) return undefined;
  const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(limit, 'binary')}. `;
  return { signal: 'ephemeralpodfs.limit', message };
}

/** Writable layers count only if they are on the kubelet's own file system. */
function containerExcess(
  pod: Pod,
  { containers }: PodFigures,
  layout: DiskLayout,
): Excess | undefined {
  for (const { name, resources } of pod.spec?.containers ?? []) {
    const limit = quantityOf(resources?.limits?.['ephemeral-storage']);
    const found = containers.find((each) => each.name === name);
    if (limit === undefined || limit <= 0n || found === undefined) continue;
    const layer = layout === 'dedicated' ? 0 : (found.rootfs?.bytes ?? 0);
    if ((found.logs?.bytes ?? 0) + layer <= quantityToUnits(limit)) continue;
    const text = formatQuantity(limit, 'binary');
    const message = `Container ${name} exceeded its local ephemeral storage limit ${JSON.stringify(text)}. `;
    return { signal: 'ephemeralcontainerfs.limit', message };
  }
  return undefined;
}

function quantityOf(text: string | undefined): Quantity | undefined {
  return text === undefined ? undefined : parseQuantity(text);
}
