import {
  type EventNote,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../../model/action.js';
import type { View } from '../../model/view.js';
import { isDeleting, nameOf, referenceTo, sorted, uidOf } from '../objects.js';
import { syncVolume } from './bind-volumes.js';
import {
  BETA_STORAGE_PROVISIONER,
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  claimNameOf,
  classOf,
  hasAnnotation,
  isForClaim,
  NO_PROVISIONER,
  selectedNode,
  STORAGE_PROVISIONER,
  waitsForPod,
} from './claims.js';
import { findVolume, mismatch } from './match-volume.js';

/**
 * Binds claims and volumes to each other, asks provisioners for missing volumes, and releases the
 * volumes of deleted claims. A binding has three steps, one for each object's part that changes;
 * each plan orders the next one, so that an interrupted binding goes on from what is stored.
 *
 * @see Kubernetes 1.36 pkg/controller/volume/persistentvolume/pv_controller.go
 */
export function planBinding(view: View): Plan {
  const taken = new Set<string>();
  const claims = sorted(view.persistentVolumeClaims.values());
  const actions = claims.flatMap((claim) => syncClaim(claim, view, taken));
  const volumes = sorted(view.persistentVolumes.values());
  const others = volumes.filter(({ metadata }) => !taken.has(metadata?.name ?? ''));
  return { actions: [...actions, ...others.flatMap((volume) => syncVolume(volume, view))] };
}

function syncClaim(
  claim: PersistentVolumeClaim,
  view: View,
  taken: Set<string>,
): readonly Action[] {
  const name = claim.spec?.volumeName ?? '';
  if (hasAnnotation(claim, BIND_COMPLETED)) return syncBound(claim, view, taken);
  if (isDeleting(claim)) return [];
  if (name !== '') return syncNamed(claim, view.persistentVolumes.get(name), taken);
  const found = view.storageClasses.get(classOf(claim));
  const isEarly = waitsForPod(found) && selectedNode(claim) === '';
  const volume = findVolume(claim, view.persistentVolumes.values(), {
    onlyNamed: waitsForPod(found),
    taken,
  });
  if (volume !== undefined) return bind(volume, claim, taken);
  const pending = phaseOf(claim) === 'Pending' ? [] : [phase(claim, 'Pending', 'not bound yet')];
  if (isEarly) return [...pending, note(claim, 'Normal', ...waitingFor(claim, view))];
  if (classOf(claim) !== '') return [...pending, ...provision(claim, found)];
  const text = 'no persistent volumes available for this claim and no storage class is set';
  return [...pending, note(claim, 'Normal', 'FailedBinding', text)];
}

/** A claim that was bound before. */
function syncBound(
  claim: PersistentVolumeClaim,
  view: View,
  taken: Set<string>,
): readonly Action[] {
  const name = claim.spec?.volumeName ?? '';
  const volume = view.persistentVolumes.get(name);
  if (volume !== undefined) {
    if (volume.spec?.claimRef === undefined || isForClaim(volume, claim)) {
      return bind(volume, claim, taken);
    }
    const text = 'Two claims are bound to the same volume, this one is bound incorrectly';
    return lose(claim, ['ClaimMisbound', text]);
  }
  const what = name === '' ? 'reference to PersistentVolume' : 'PersistentVolume';
  const text = `Bound claim has lost its ${what}. Data on the volume is lost!`;
  return lose(claim, ['ClaimLost', name === '' ? text.replace(' its', '') : text]);
}

/** @param lost the event's reason and message */
function lose(
  claim: PersistentVolumeClaim,
  [reason, message]: readonly [string, string],
): readonly Action[] {
  if (phaseOf(claim) === 'Lost') return [];
  const write = phase(claim, 'Lost', 'its volume is gone');
  const event = eventAbout(claim, 'Warning', reason, message);
  const name = claim.spec?.volumeName ?? '';
  if (name === '' || reason !== 'ClaimLost') return [{ ...write, event }];
  const guard = { kind: 'absent', resource: PERSISTENT_VOLUMES, name: { name }, uid: '' } as const;
  return [{ ...write, event, guard }];
}

/** A claim whose author named the volume. */
function syncNamed(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume | undefined,
  taken: Set<string>,
): readonly Action[] {
  const pending = phaseOf(claim) === 'Pending' ? [] : [phase(claim, 'Pending', 'not bound yet')];
  if (volume === undefined) return pending;
  const { name = '' } = volume.metadata ?? {};
  if (volume.spec?.claimRef !== undefined) {
    if (isForClaim(volume, claim)) return bind(volume, claim, taken);
    const { namespace, name: other } = volume.spec.claimRef;
    const text = `volume "${name}" already bound to a different claim: ${namespace}/${other}`;
    return [...pending, note(claim, 'Warning', 'FailedBinding', text)];
  }
  const why = mismatch(volume, claim);
  if (why === undefined) return taken.has(name) ? pending : bind(volume, claim, taken);
  const text = `Cannot bind to requested volume "${name}": ${why}`;
  return [...pending, note(claim, 'Warning', 'VolumeMismatch', text)];
}

/** Returns the next step of binding the two; nothing once they are bound. */
function bind(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  taken: Set<string>,
): readonly Action[] {
  taken.add(volume.metadata?.name ?? '');
  if (volume.spec?.claimRef?.uid !== uidOf(claim)) return [claimVolume(volume, claim)];
  const actions: Action[] = [];
  if (volume.status?.phase !== 'Bound') {
    actions.push({
      kind: 'patch',
      resource: PERSISTENT_VOLUMES,
      name: nameOf(volume),
      type: 'merge',
      body: { metadata: { uid: uidOf(volume) }, status: { phase: 'Bound' } },
      subresource: 'status',
      why: 'its claim is bound',
    });
  }
  const volumeName = volume.metadata?.name ?? '';
  if (claim.spec?.volumeName !== volumeName || !hasAnnotation(claim, BIND_COMPLETED)) {
    const isOurs = (claim.spec?.volumeName ?? '') === '';
    const annotations = {
      [BIND_COMPLETED]: 'yes',
      ...(isOurs && { [BOUND_BY_CONTROLLER]: 'yes' }),
    };
    const { resourceVersion } = claim.metadata ?? {};
    const body = { metadata: { resourceVersion, annotations }, spec: { volumeName } };
    return [...actions, patchClaim(claim, body, 'a volume was found')];
  }
  if (phaseOf(claim) === 'Bound') return actions;
  const { accessModes = [], capacity = {} } = volume.spec;
  const status = { phase: 'Bound', accessModes, capacity: { storage: capacity['storage'] } };
  const body = { metadata: { uid: uidOf(claim) }, status };
  return [...actions, { ...patchClaim(claim, body, 'bound'), subresource: 'status' }];
}

/** Returns the first step of a binding, which decides: the resourceVersion keeps two claims from getting one volume. */
export function claimVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): Action {
  const { namespace, name } = nameOf(claim);
  const { resourceVersion } = volume.metadata ?? {};
  const isOurs = volume.spec?.claimRef === undefined;
  const claimRef = {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid: uidOf(claim) },
    resourceVersion: claim.metadata?.resourceVersion,
  };
  return {
    kind: 'patch',
    resource: PERSISTENT_VOLUMES,
    name: nameOf(volume),
    type: 'merge',
    body: {
      metadata: {
        resourceVersion,
        ...(isOurs && { annotations: { [BOUND_BY_CONTROLLER]: 'yes' } }),
      },
      spec: { claimRef },
    },
    why: `fits claim ${namespace}/${name}`,
  };
}

/** Tells the class's driver to make a volume, by annotations that it watches. */
function provision(
  claim: PersistentVolumeClaim,
  found: StorageClass | undefined,
): readonly Action[] {
  const failed = (text: string) => [note(claim, 'Warning', 'ProvisioningFailed', text)];
  if (found === undefined)
    return failed(`storageclass.storage.k8s.io "${classOf(claim)}" not found`);
  const { provisioner } = found;
  if (provisioner === NO_PROVISIONER)
    return failed(`no volume plugin matched name: ${provisioner}`);
  const text = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  const waiting = note(claim, 'Normal', 'ExternalProvisioning', text);
  if (claim.metadata?.annotations?.[STORAGE_PROVISIONER] === provisioner) return [waiting];
  const annotations = {
    [STORAGE_PROVISIONER]: provisioner,
    [BETA_STORAGE_PROVISIONER]: provisioner,
  };
  const body = { metadata: { uid: uidOf(claim), annotations } };
  return [patchClaim(claim, body, `class ${classOf(claim)} makes volumes`), waiting];
}

/** @returns reason and message for users */
function waitingFor(claim: PersistentVolumeClaim, view: View): readonly [string, string] {
  const waiting = sorted(view.pods.values()).filter(({ metadata, spec }) => {
    return metadata?.namespace === claim.metadata?.namespace && (spec?.nodeName ?? '') === '';
  });
  const names = waiting
    .filter((pod) => pod.spec?.volumes?.some((v) => claimNameOf(pod, v) === claim.metadata?.name))
    .map(({ metadata }) => metadata?.name ?? '');
  if (names.length === 0) {
    return ['WaitForFirstConsumer', 'waiting for first consumer to be created before binding'];
  }
  const pods = names.length === 1 ? 'pod' : 'pods';
  return ['WaitForPodScheduled', `waiting for ${pods} ${names.join(',')} to be scheduled`];
}

function phaseOf({ status }: PersistentVolumeClaim): string {
  return status?.phase ?? '';
}

type PatchAction = Extract<Action, { kind: 'patch' }>;

function patchClaim(claim: PersistentVolumeClaim, body: object, why: string): PatchAction {
  const resource = PERSISTENT_VOLUME_CLAIMS;
  return { kind: 'patch', resource, name: nameOf(claim), type: 'merge', body, why };
}

function phase(claim: PersistentVolumeClaim, value: string, why: string): PatchAction {
  const body = { metadata: { uid: uidOf(claim) }, status: { phase: value } };
  return { ...patchClaim(claim, body, why), subresource: 'status' };
}

function eventAbout(
  claim: PersistentVolumeClaim,
  type: EventNote['type'],
  reason: string,
  message: string,
): EventNote {
  return { about: referenceTo(claim, 'PersistentVolumeClaim', 'v1'), type, reason, message };
}

function note(
  claim: PersistentVolumeClaim,
  type: EventNote['type'],
  reason: string,
  message: string,
): Action {
  const event = eventAbout(claim, type, reason, message);
  return { kind: 'note', uid: uidOf(claim), event, why: reason };
}
