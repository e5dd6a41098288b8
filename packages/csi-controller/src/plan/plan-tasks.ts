import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '@nodeagent/kube-client';

import type { DriverFacts } from '../model/driver.js';
import {
  attacherFinalizer,
  BETA_STORAGE_PROVISIONER,
  PROVISIONED_BY,
  PROVISIONER_FINALIZER,
  SELECTED_NODE,
  STORAGE_PROVISIONER,
} from '../model/names.js';
import type { Task } from '../model/task.js';
import type { View } from '../model/view.js';
import { wantedBytes } from './expansion.js';
import { volumeNameOf } from './persistent-volume.js';
import { isReachable } from './topology.js';

export interface PlanOptions {
  readonly driver: DriverFacts;
  /** Restricts the work to volumes of this node, where each node has a controller of its own. */
  readonly nodeName?: string | undefined;
  /**
   * Claims whose volume may have been made, but for which no answer came: they are provisioned even
   * when they are gone, so that the volume is found and deleted.
   */
  readonly uncertain: ReadonlyMap<
    string,
    Readonly<{
      claim: PersistentVolumeClaim;
      storageClass: StorageClass;
    }>
  >;
}

/** Returns everything that the driver has to do for the cluster. */
export function planTasks(view: View, options: PlanOptions): readonly Task[] {
  const { controller } = options.driver;
  const claims = [...view.claims.values()];
  const volumes = [...view.volumes.values()].filter(
    ({ spec }) => spec?.csi?.driver === options.driver.name,
  );
  return [
    ...(controller.has('create-delete-volume')
      ? [
          ...claims.flatMap((claim) => provision(claim, view, options)),
          ...abandoned(view, options),
          ...volumes.flatMap((volume) => reclaim(volume, view, options)),
        ]
      : []),
    ...[...view.attachments.values()].flatMap((one) => attach(one, options)),
    ...volumes.flatMap((volume) => release(volume, view, options)),
    ...(controller.has('expand-volume') || options.driver.expandsOnNode
      ? claims.flatMap((claim) => expand(claim, view, options))
      : []),
  ];
}

function provision(
  claim: PersistentVolumeClaim,
  view: View,
  { driver, nodeName }: PlanOptions,
): readonly Task[] {
  const { annotations = {}, deletionTimestamp, namespace, name, uid } = claim.metadata ?? {};
  const wanted = annotations[STORAGE_PROVISIONER] ?? annotations[BETA_STORAGE_PROVISIONER];
  if (wanted !== driver.name || deletionTimestamp !== undefined) return [];
  if ((claim.spec?.volumeName ?? '') !== '' || view.volumes.has(volumeNameOf(claim))) return [];
  const storageClass = view.classes.get(claim.spec?.storageClassName ?? '');
  if (storageClass?.provisioner !== driver.name) return [];
  const selected = annotations[SELECTED_NODE] ?? '';
  const waits = storageClass.volumeBindingMode === 'WaitForFirstConsumer';
  if (waits && selected === '') return [];
  const key = `claim ${namespace}/${name} ${uid ?? ''}`;
  if (nodeName !== undefined && selected === '') {
    return [{ key, kind: 'take-claim', claim, node: nodeName }];
  }
  if (nodeName !== undefined && selected !== nodeName) return [];
  return [{ key, kind: 'provision', claim, storageClass }];
}

function abandoned(view: View, { uncertain }: PlanOptions): readonly Task[] {
  return [...uncertain.values()].flatMap(({ claim, storageClass }): readonly Task[] => {
    const { namespace, name, uid = '' } = claim.metadata ?? {};
    const found = view.claims.get(`${namespace}/${name}`)?.metadata;
    const isThere = found?.uid === uid && found.deletionTimestamp === undefined;
    if (isThere || view.volumes.has(volumeNameOf(claim))) return [];
    return [{ key: `claim ${namespace}/${name} ${uid}`, kind: 'provision', claim, storageClass }];
  });
}

/** True for volumes that this controller takes care of. */
function isOurs(volume: PersistentVolume, view: View, { nodeName }: PlanOptions): boolean {
  if (nodeName === undefined) return true;
  const node = view.nodes.get(nodeName);
  return node !== undefined && isReachable(volume, node);
}

function reclaim(volume: PersistentVolume, view: View, options: PlanOptions): readonly Task[] {
  const { annotations = {}, finalizers = [], deletionTimestamp, name } = volume.metadata ?? {};
  if (annotations[PROVISIONED_BY] !== options.driver.name) return [];
  if (!isOurs(volume, view, options)) return [];
  const isHeld = finalizers.includes(PROVISIONER_FINALIZER);
  const isDeleted = volume.spec?.persistentVolumeReclaimPolicy === 'Delete';
  const key = `volume ${name}`;
  if (isDeleted && volume.status?.phase === 'Released') {
    if (deletionTimestamp !== undefined && !isHeld) return [];
    return [{ key, kind: 'delete', volume }];
  }
  // the policy may change while the volume lives
  if (isHeld === isDeleted || (isDeleted && deletionTimestamp !== undefined)) return [];
  const finalizer = PROVISIONER_FINALIZER;
  return [{ key, kind: 'finalizer', volume, finalizer, wanted: isDeleted }];
}

function attach(attachment: VolumeAttachment, { driver, nodeName }: PlanOptions): readonly Task[] {
  const { spec, status, metadata = {} } = attachment;
  if (spec.attacher !== driver.name) return [];
  if (nodeName !== undefined && spec.nodeName !== nodeName) return [];
  const key = `attachment ${metadata.name}`;
  if (metadata.deletionTimestamp === undefined) {
    return status?.attached === true ? [] : [{ key, kind: 'attach', attachment }];
  }
  const isHeld = metadata.finalizers?.includes(attacherFinalizer(driver.name)) === true;
  return isHeld ? [{ key, kind: 'detach', attachment }] : [];
}

/** A volume that is being deleted goes once it is attached nowhere. */
function release(volume: PersistentVolume, view: View, options: PlanOptions): readonly Task[] {
  const finalizer = attacherFinalizer(options.driver.name);
  const { finalizers = [], deletionTimestamp, name } = volume.metadata ?? {};
  if (deletionTimestamp === undefined || !finalizers.includes(finalizer)) return [];
  if (!isOurs(volume, view, options) || attachmentsOf(volume, view).length > 0) return [];
  return [{ key: `volume ${name}`, kind: 'finalizer', volume, finalizer, wanted: false }];
}

export function attachmentsOf(
  { metadata }: PersistentVolume,
  view: View,
): readonly VolumeAttachment[] {
  return [...view.attachments.values()].filter(
    ({ spec }) => spec.source.persistentVolumeName === metadata?.name,
  );
}

function expand(claim: PersistentVolumeClaim, view: View, options: PlanOptions): readonly Task[] {
  const volume = view.volumes.get(claim.spec?.volumeName ?? '');
  if (volume?.spec?.csi?.driver !== options.driver.name) return [];
  if (claim.metadata?.deletionTimestamp !== undefined) return [];
  if (volume.spec.claimRef?.uid !== claim.metadata?.uid) return [];
  const bytes = wantedBytes(claim, volume);
  if (bytes === undefined || !isOurs(volume, view, options)) return [];
  return [{ key: `volume ${volume.metadata?.name}`, kind: 'expand', claim, volume, bytes }];
}
