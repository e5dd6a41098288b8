import {
  type KubeObject,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type Resource,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../../model/action.js';
import type { View } from '../../model/view.js';
import { isDeleting, nameOf, sorted } from '../objects.js';
import { usesClaim } from './claims.js';

const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';

/**
 * Holds deleted claims while pods on nodes use them, and deleted volumes while they are bound, by
 * finalizers. A kube-apiserver adds these at creation; the development server leaves it to this
 * controller, so that nothing waits for ever where no controllers run.
 *
 * @see Kubernetes 1.36 pkg/controller/volume/pvcprotection, pvprotection
 */
export function planProtection(view: View): Plan {
  const actions: Action[] = [];
  for (const claim of sorted(view.persistentVolumeClaims.values())) {
    const target = {
      object: claim,
      resource: PERSISTENT_VOLUME_CLAIMS,
      finalizer: CLAIM_FINALIZER,
    };
    if (!isDeleting(claim)) actions.push(...protect(target));
    else if (![...view.pods.values()].some((pod) => usesClaim(pod, claim))) {
      const guard = { kind: 'claim-unused', claim } as const;
      actions.push(...unprotect(target).map((action) => ({ ...action, guard })));
    }
  }
  for (const volume of sorted(view.persistentVolumes.values())) {
    const target = { object: volume, resource: PERSISTENT_VOLUMES, finalizer: VOLUME_FINALIZER };
    if (!isDeleting(volume)) actions.push(...protect(target));
    else if (volume.status?.phase !== 'Bound') actions.push(...unprotect(target));
  }
  return { actions };
}

interface Target {
  readonly object: KubeObject;
  readonly resource: Resource<KubeObject>;
  readonly finalizer: string;
}

type PatchAction = Extract<Action, { kind: 'patch' }>;

/** Other controllers write finalizers too: both patches change only this one. */
function protect({ object, resource, finalizer }: Target): readonly PatchAction[] {
  const { finalizers = [], uid } = object.metadata ?? {};
  if (finalizers.includes(finalizer)) return [];
  const body = { metadata: { uid, finalizers: [finalizer] } };
  const why = 'not protected yet';
  return [{ kind: 'patch', resource, name: nameOf(object), type: 'strategic-merge', body, why }];
}

function unprotect({ object, resource, finalizer }: Target): readonly PatchAction[] {
  const { finalizers = [], uid } = object.metadata ?? {};
  if (!finalizers.includes(finalizer)) return [];
  const body = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [finalizer] } };
  const why = 'deleted, and not in use';
  return [{ kind: 'patch', resource, name: nameOf(object), type: 'strategic-merge', body, why }];
}
