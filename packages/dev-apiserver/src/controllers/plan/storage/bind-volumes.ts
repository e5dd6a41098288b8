import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from '@nodeagent/kube-client';

import type { Action, Guard } from '../../model/action.js';
import type { View } from '../../model/view.js';
import { isDeleting, nameOf, referenceTo, uidOf } from '../objects.js';
import { BOUND_BY_CONTROLLER, hasAnnotation, PROVISIONED_BY } from './claims.js';

/**
 * Keeps the phase of a volume, releases it after its claim, and frees it when its claim got another
 * one. The driver that made a volume deletes it once it is released; a volume that no driver made
 * cannot be deleted, and fails.
 */
export function syncVolume(volume: PersistentVolume, view: View): readonly Action[] {
  const { claimRef } = volume.spec ?? {};
  if (claimRef === undefined || (claimRef.uid ?? '') === '') return available(volume);
  const { namespace = '', name = '', uid = '' } = claimRef;
  const claim = view.persistentVolumeClaims.get(`${namespace}/${name}`);
  if (claim === undefined || uidOf(claim) !== uid) {
    const at = { namespace, name };
    return release(volume, { kind: 'absent', resource: PERSISTENT_VOLUME_CLAIMS, name: at, uid });
  }
  const bound = claim.spec?.volumeName ?? '';
  if (bound === '' || bound === volume.metadata?.name) return [];
  return leave(volume, claim);
}

function available(volume: PersistentVolume): readonly Action[] {
  if (volume.status?.phase === 'Available' || isDeleting(volume)) return [];
  return [setPhase(volume, { phase: 'Available' }, 'no claim has it')];
}

/** A volume that was made for a claim goes with it; any other is free for the next claim. */
function leave(volume: PersistentVolume, claim: PersistentVolumeClaim): readonly Action[] {
  const why = `its claim is bound to volume ${claim.spec?.volumeName ?? ''}`;
  const { persistentVolumeReclaimPolicy, claimRef } = volume.spec ?? {};
  if (hasAnnotation(volume, PROVISIONED_BY) && persistentVolumeReclaimPolicy === 'Delete') {
    return isGivenUp(volume) ? [] : [setPhase(volume, { phase: 'Released' }, why)];
  }
  const { resourceVersion } = volume.metadata ?? {};
  const isOurs = hasAnnotation(volume, BOUND_BY_CONTROLLER);
  const body = isOurs
    ? {
        metadata: { resourceVersion, annotations: { [BOUND_BY_CONTROLLER]: null } },
        spec: { claimRef: null },
      }
    : { metadata: { resourceVersion }, spec: { claimRef: { ...claimRef, uid: null } } };
  const target = { resource: PERSISTENT_VOLUMES, name: nameOf(volume) };
  return [{ kind: 'patch', ...target, type: 'merge', body, why }];
}

function release(volume: PersistentVolume, guard: Guard): readonly Action[] {
  const { persistentVolumeReclaimPolicy: policy } = volume.spec ?? {};
  if (!isGivenUp(volume)) {
    return [{ ...setPhase(volume, { phase: 'Released' }, 'its claim is gone'), guard }];
  }
  if (volume.status?.phase === 'Failed' || isDeleting(volume)) return [];
  if (policy !== 'Delete' || hasAnnotation(volume, PROVISIONED_BY)) return [];
  const { name = '' } = volume.metadata ?? {};
  const message = `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`;
  const about = referenceTo(volume, 'PersistentVolume', 'v1');
  const event = { about, type: 'Warning', reason: 'VolumeFailedDelete', message } as const;
  return [{ ...setPhase(volume, { phase: 'Failed', message }, 'no driver made it'), event }];
}

function isGivenUp({ status }: PersistentVolume): boolean {
  return status?.phase === 'Released' || status?.phase === 'Failed';
}

function setPhase(
  volume: PersistentVolume,
  status: Readonly<{ phase: string; message?: string }>,
  why: string,
): Extract<Action, { kind: 'patch' }> {
  return {
    kind: 'patch',
    resource: PERSISTENT_VOLUMES,
    name: nameOf(volume),
    type: 'merge',
    body: { metadata: { uid: uidOf(volume) }, status: { message: null, ...status } },
    subresource: 'status',
    why,
  };
}
