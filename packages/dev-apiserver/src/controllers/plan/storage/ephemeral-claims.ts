import {
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  type Pod,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../../model/action.js';
import type { View } from '../../model/view.js';
import { isDeleting, referenceTo, sortedWhere, uidOf } from '../objects.js';
import { claimNameOf, isMadeForPod } from './claims.js';

/**
 * Creates the claims of generic ephemeral volumes; each belongs to its pod, and is collected with it.
 *
 * @see Kubernetes 1.36 pkg/controller/volume/ephemeral/controller.go
 */
export function planEphemeralClaims(view: View): Plan {
  const isConcerned = (pod: Pod): boolean =>
    !isDeleting(pod) &&
    pod.spec?.volumes?.some(({ ephemeral }) => ephemeral !== undefined) === true;
  const pods = sortedWhere(view.pods.values(), isConcerned);
  return { actions: pods.flatMap((pod) => claimsOf(pod, view.persistentVolumeClaims)) };
}

function claimsOf(pod: Pod, claims: View['persistentVolumeClaims']): readonly Action[] {
  const { namespace = '', name: podName = '' } = pod.metadata ?? {};
  return (pod.spec?.volumes ?? []).flatMap((volume): readonly Action[] => {
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template === undefined) return [];
    const name = claimNameOf(pod, volume) ?? '';
    const found = claims.get(`${namespace}/${name}`);
    if (found !== undefined)
      return isMadeForPod(found, pod) ? [] : [refuse(pod, volume.name, name)];
    const { labels, annotations } = template.metadata ?? {};
    const owner = { apiVersion: 'v1', kind: 'Pod', name: podName, uid: uidOf(pod) };
    const object: PersistentVolumeClaim = {
      metadata: {
        namespace,
        name,
        ...(labels && { labels }),
        ...(annotations && { annotations }),
        ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
      },
      spec: template.spec,
    };
    const why = `pod ${podName} declares volume ${volume.name}`;
    return [{ kind: 'create', resource: PERSISTENT_VOLUME_CLAIMS, object, why }];
  });
}

function refuse(pod: Pod, volume: string, claim: string): Action {
  const { namespace, name } = pod.metadata ?? {};
  const message = `ephemeral volume ${volume}: PVC ${namespace}/${claim} was not created for pod ${namespace}/${name} (pod is not owner)`;
  const about = referenceTo(pod, 'Pod', 'v1');
  const event = { about, type: 'Warning', reason: 'FailedBinding', message } as const;
  return { kind: 'note', uid: uidOf(pod), event, why: 'the claim is of somebody else' };
}
