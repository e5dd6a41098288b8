import { hash } from 'node:crypto';

import {
  type EventNote,
  type Node,
  NODES,
  type PersistentVolume,
  type Pod,
  VOLUME_ATTACHMENTS,
  type VolumeAttachment,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../../model/action.js';
import type { View } from '../../model/view.js';
import { isDeleting, isFinished, nameOf, referenceTo, sorted, uidOf } from '../objects.js';
import { claimNameOf, isBound, isForClaim, isMadeForPod } from './claims.js';

const MANAGED = 'volumes.kubernetes.io/controller-managed-attach-detach';
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** A volume that a pod needs on its node. */
interface Wanted {
  readonly pod: Pod;
  readonly volume: PersistentVolume;
  readonly node: Node;
}

/**
 * Asks drivers that need it to attach volumes to the nodes of their pods, and to detach them when the
 * node has no such pod and no longer has the volume in use; tells the nodes which are attached.
 *
 * A volume leaves a node's `volumesAttached` before it is detached, so that no kubelet mounts it
 * meanwhile. Kubernetes' own controller detaches by force from a node that is not ready for six
 * minutes; here only from one that is deleted, or tainted as out of service.
 *
 * @see Kubernetes 1.36 pkg/controller/volume/attachdetach
 */
export function planAttachments(view: View): Plan {
  const wanted = wantedOn(view);
  const attachments = sorted(view.volumeAttachments.values());
  const actions: Action[] = [];
  for (const [name, want] of wanted) {
    const found = view.volumeAttachments.get(name);
    if (found === undefined) actions.push(attach(name, want, attachments));
    else if (found.status?.attachError !== undefined) actions.push(attachFailed(want, found));
  }
  const leaving = attachments.filter(
    (one) => !wanted.has(one.metadata?.name ?? '') && isSafeToDetach(one, view),
  );
  for (const node of sorted(view.nodes.values())) {
    const { name } = nameOf(node);
    const here = attachments.filter(
      (one) =>
        one.spec.nodeName === name &&
        one.status?.attached === true &&
        !isDeleting(one) &&
        !leaving.includes(one),
    );
    actions.push(...report(node, here, { view, wanted }));
  }
  for (const one of leaving) {
    if (isDeleting(one) || isReported(one, view)) continue;
    const options = { uid: uidOf(one) };
    const target = { resource: VOLUME_ATTACHMENTS, name: nameOf(one) };
    actions.push({ kind: 'delete', ...target, options, why: 'no pod of the node has the volume' });
  }
  return { actions };
}

/** Returns the volumes that need to be attached, by the name of their attachment. */
function wantedOn(view: View): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const pod of sorted(view.pods.values())) {
    const node = view.nodes.get(pod.spec?.nodeName ?? '');
    if (node?.metadata?.annotations?.[MANAGED] !== 'true' || isFinished(pod)) continue;
    for (const volume of volumesOf(pod, view)) {
      const { driver = '' } = volume.spec?.csi ?? {};
      if (driver === '' || view.csiDrivers.get(driver)?.spec.attachRequired === false) continue;
      const name = attachmentName(volume, node.metadata.name ?? '');
      if (!wanted.has(name)) wanted.set(name, { pod, volume, node });
    }
  }
  return wanted;
}

function volumesOf(pod: Pod, view: View): readonly PersistentVolume[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const name = claimNameOf(pod, volume);
    const claim = view.persistentVolumeClaims.get(`${pod.metadata?.namespace ?? ''}/${name ?? ''}`);
    if (name === undefined || claim === undefined || !isBound(claim)) return [];
    if (volume.ephemeral !== undefined && !isMadeForPod(claim, pod)) return [];
    const found = view.persistentVolumes.get(claim.spec?.volumeName ?? '');
    return found !== undefined && isForClaim(found, claim) ? [found] : [];
  });
}

/** @see Kubernetes 1.36 pkg/volume/csi/csi_attacher.go, getAttachmentName */
function attachmentName({ spec }: PersistentVolume, node: string): string {
  const { driver = '', volumeHandle = '' } = spec?.csi ?? {};
  return `csi-${hash('sha256', `${volumeHandle}${driver}${node}`)}`;
}

/** The name in a Node's `volumesInUse` and `volumesAttached`. */
function uniqueName({ spec }: PersistentVolume): string {
  return `kubernetes.io/csi/${spec?.csi?.driver ?? ''}^${spec?.csi?.volumeHandle ?? ''}`;
}

function attach(name: string, want: Wanted, attachments: readonly VolumeAttachment[]): Action {
  const { volume, node } = want;
  const persistentVolumeName = volume.metadata?.name ?? '';
  const nodeName = node.metadata?.name ?? '';
  const elsewhere = attachments.some(
    ({ spec }) =>
      spec.source.persistentVolumeName === persistentVolumeName && spec.nodeName !== nodeName,
  );
  const isShared = volume.spec?.accessModes?.some(
    (mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany',
  );
  if (elsewhere && isShared !== true) {
    const text = `Multi-Attach error for volume "${persistentVolumeName}" Volume is already exclusively attached to one node and can't be attached to another`;
    return note(want, 'Warning', ['FailedAttachVolume', text]);
  }
  const object: VolumeAttachment = {
    metadata: { name },
    spec: {
      attacher: volume.spec?.csi?.driver ?? '',
      nodeName,
      source: { persistentVolumeName },
    },
  };
  const why = `pod ${want.pod.metadata?.name ?? ''} is on the node`;
  return { kind: 'create', resource: VOLUME_ATTACHMENTS, object, why };
}

function attachFailed(want: Wanted, { status }: VolumeAttachment): Action {
  const name = want.volume.metadata?.name ?? '';
  const why = status?.attachError?.message ?? '';
  const text = `AttachVolume.Attach failed for volume "${name}" : ${why}`;
  return note(want, 'Warning', ['FailedAttachVolume', text]);
}

/** Without its PersistentVolume nobody can tell whether the node has it in use. */
function isSafeToDetach({ spec }: VolumeAttachment, view: View): boolean {
  const volume = view.persistentVolumes.get(spec.source.persistentVolumeName ?? '');
  if (volume === undefined) return false;
  const node = view.nodes.get(spec.nodeName);
  if (node === undefined) return true;
  const isOut = node.spec?.taints?.some(({ key, effect }) => {
    return key === OUT_OF_SERVICE && effect === 'NoExecute';
  });
  return isOut === true || !(node.status?.volumesInUse ?? []).includes(uniqueName(volume));
}

function isReported({ spec }: VolumeAttachment, view: View): boolean {
  const volume = view.persistentVolumes.get(spec.source.persistentVolumeName ?? '');
  const attached = view.nodes.get(spec.nodeName)?.status?.volumesAttached ?? [];
  return volume !== undefined && attached.some(({ name }) => name === uniqueName(volume));
}

/** Writes the node's list of attached volumes when it differs, with an event for each new one. */
function report(
  node: Node,
  here: readonly VolumeAttachment[],
  { view, wanted }: { readonly view: View; readonly wanted: ReadonlyMap<string, Wanted> },
): readonly Action[] {
  const before = new Set((node.status?.volumesAttached ?? []).map(({ name }) => name));
  const after = new Map<string, VolumeAttachment>();
  for (const one of here) {
    const volume = view.persistentVolumes.get(one.spec.source.persistentVolumeName ?? '');
    if (volume !== undefined) after.set(uniqueName(volume), one);
  }
  const added = [...after].filter(([name]) => !before.has(name));
  if (added.length === 0 && before.size === after.size) return [];
  const volumesAttached = [...after.keys()].map((name) => ({ name, devicePath: '' }));
  const body = {
    metadata: { uid: uidOf(node) },
    status: { volumesAttached: volumesAttached.length > 0 ? volumesAttached : null },
  };
  const target = { resource: NODES, name: nameOf(node), subresource: 'status' } as const;
  return [
    { kind: 'patch', ...target, type: 'merge', body, why: 'attachments changed' },
    ...added.flatMap(([, one]): readonly Action[] => {
      const want = wanted.get(one.metadata?.name ?? '');
      if (want === undefined) return [];
      const text = `AttachVolume.Attach succeeded for volume "${want.volume.metadata?.name ?? ''}" `;
      return [note(want, 'Normal', ['SuccessfulAttachVolume', text])];
    }),
  ];
}

/** @param told the event's reason and message */
function note(
  { pod, volume }: Wanted,
  type: EventNote['type'],
  [reason, message]: readonly [string, string],
): Action {
  const about = referenceTo(pod, 'Pod', 'v1');
  const uid = `${uidOf(pod)} ${volume.metadata?.name ?? ''}`;
  return { kind: 'note', uid, event: { about, type, reason, message }, why: reason };
}
