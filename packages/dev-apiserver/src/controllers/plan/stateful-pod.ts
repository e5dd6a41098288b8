import {
  asWritten,
  type OwnerReference,
  type PersistentVolumeClaim,
  type Pod,
  type StatefulSet,
} from '@nodeagent/kube-client';

import { uidOf } from './objects.js';
import { templateHash } from './template-hash.js';

const REVISION = 'controller-revision-hash';

/** Returns the number at the end of a member's name; undefined for other pods. */
export function ordinalOf(set: StatefulSet, { metadata }: Pod): number | undefined {
  const prefix = `${set.metadata?.name ?? ''}-`;
  const { name = '' } = metadata ?? {};
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^(?:0|[1-9]\d{0,8})$/.test(digits) ? Number(digits) : undefined;
}

/** Returns the ordinals that the set should have. */
export function wantedOrdinals({ spec }: StatefulSet): readonly number[] {
  const start = spec?.ordinals?.start ?? 0;
  return Array.from({ length: spec?.replicas ?? 1 }, (_, i) => start + i);
}

/** Returns the name of the pod template: a template that returns has its old name again. */
export function revisionOf({ metadata, spec }: StatefulSet): string {
  return `${metadata?.name ?? ''}-${templateHash(spec?.template, 0)}`;
}

export function podRevision({ metadata }: Pod): string {
  return metadata?.labels?.[REVISION] ?? '';
}

export function ownedBySet(set: StatefulSet): OwnerReference {
  const { name = '' } = set.metadata ?? {};
  const flags = { controller: true, blockOwnerDeletion: true };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', name, uid: uidOf(set), ...flags };
}

/**
 * Returns the pod of an ordinal: its name, host name and claims stay the same for its whole life.
 *
 * @see Kubernetes 1.36 pkg/controller/statefulset/stateful_set_utils.go
 */
export function statefulPod(set: StatefulSet, ordinal: number): Pod {
  const { namespace = '', name: setName = '' } = set.metadata ?? {};
  const { serviceName = '', template, volumeClaimTemplates = [] } = set.spec ?? {};
  const name = `${setName}-${ordinal}`;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  const claimed = volumeClaimTemplates.map(({ metadata }) => {
    const volume = metadata?.name ?? '';
    const claimName = `${volume}-${name}`;
    return { name: volume, persistentVolumeClaim: { claimName, readOnly: false } };
  });
  const others = (template?.spec?.volumes ?? []).filter(
    (volume) => !claimed.some((one) => one.name === volume.name),
  );
  return {
    metadata: {
      namespace,
      name,
      labels: {
        ...labels,
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
        [REVISION]: revisionOf(set),
      },
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [ownedBySet(set)],
    },
    spec: {
      containers: [],
      ...template?.spec,
      hostname: name,
      ...(serviceName !== '' && { subdomain: serviceName }),
      volumes: [...claimed, ...others],
    },
  };
}

/** Returns the claims of an ordinal as its templates describe them. */
export function statefulClaims(
  set: StatefulSet,
  ordinal: number,
): readonly PersistentVolumeClaim[] {
  const { namespace = '', name: setName = '' } = set.metadata ?? {};
  return (set.spec?.volumeClaimTemplates ?? []).map(({ metadata, spec }) => ({
    metadata: {
      namespace,
      name: `${metadata?.name ?? ''}-${setName}-${ordinal}`,
      labels: { ...metadata?.labels, ...(set.spec && asWritten(set.spec).selector?.matchLabels) },
      ...(metadata?.annotations && { annotations: metadata.annotations }),
    },
    ...(spec && { spec }),
  }));
}

/**
 * Returns the owners that make the garbage collector keep to the set's retention policy; undefined
 * when the claim has them, or belongs to somebody else.
 *
 * @param pod the ordinal's pod; undefined when there is none, and no claim is given to it
 * @see Kubernetes 1.36 pkg/controller/statefulset/stateful_set_utils.go, isClaimOwnerUpToDate
 */
export function wantedOwners(
  set: StatefulSet,
  claim: PersistentVolumeClaim,
  pod: Pod | undefined,
): readonly OwnerReference[] | undefined {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } =
    set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const before = claim.metadata?.ownerReferences ?? [];
  const isOurs = ({ uid }: OwnerReference): boolean =>
    uid === uidOf(set) || (pod !== undefined && uid === uidOf(pod));
  const others = before.filter((owner) => !isOurs(owner));
  if (others.some(({ controller }) => controller === true)) return undefined;
  const ordinal = pod === undefined ? undefined : ordinalOf(set, pod);
  const isCondemned = ordinal !== undefined && !wantedOrdinals(set).includes(ordinal);
  const goesWithPod = whenScaled === 'Delete' && isCondemned && pod !== undefined;
  const goesWithSet = whenDeleted === 'Delete' && !goesWithPod;
  const wanted = [
    ...others,
    ...(goesWithSet ? [ownedBySet(set)] : []),
    ...(goesWithPod ? [ownedByPod(pod)] : []),
  ];
  const same =
    wanted.length === before.length &&
    wanted.every(({ uid }) => before.some((owner) => owner.uid === uid));
  return same ? undefined : wanted;
}

function ownedByPod(pod: Pod): OwnerReference {
  const { name = '' } = pod.metadata ?? {};
  const flags = { controller: true, blockOwnerDeletion: true };
  return { apiVersion: 'v1', kind: 'Pod', name, uid: uidOf(pod), ...flags };
}
