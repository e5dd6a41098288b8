import type { KubeObject, OwnerReference, Resource } from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { OwnedKind } from '../model/owned-kinds.js';
import { isDeleting, nameOf, sortedWhere, uidOf } from './objects.js';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

interface Owned {
  readonly object: KubeObject;
  readonly resource: Resource<KubeObject>;
}

/**
 * Deletes dependents when all their owners are gone, unless an owner's deletion orphans them. An
 * owner deleted in the foreground waits for its dependents. Objects with an owner of an unknown kind
 * stay.
 *
 * @see Kubernetes 1.36 pkg/controller/garbagecollector/garbagecollector.go
 */
export function planGarbage(kinds: readonly OwnedKind[]): Plan {
  const uids = new Set<string>();
  for (const { objects } of kinds) for (const object of objects.values()) uids.add(uidOf(object));
  const resources = new Map(
    kinds.map(({ resource }) => [`${resource.group}/${resource.kind}`, resource]),
  );
  const known: Known = { uids, resources };
  const all = kinds.flatMap(({ resource, objects }) =>
    sortedWhere<KubeObject>(objects.values(), isLinked).map((object) => ({ object, resource })),
  );
  const dependents = new Map<string, Owned[]>();
  for (const owned of all) {
    for (const { uid } of owned.object.metadata?.ownerReferences ?? []) {
      dependents.set(uid, [...(dependents.get(uid) ?? []), owned]);
    }
  }
  return {
    actions: [
      ...all.flatMap((owned) => collect(owned, known)),
      ...all.flatMap((owned) => release(owned, dependents.get(uidOf(owned.object)) ?? [])),
    ],
  };
}

/** True for an object that has owners, or has a finalizer of the garbage collector. */
function isLinked({ metadata }: KubeObject): boolean {
  return metadata?.ownerReferences !== undefined || metadata?.finalizers !== undefined;
}

interface Known {
  readonly uids: ReadonlySet<string>;
  /** By group and kind. */
  readonly resources: ReadonlyMap<string, Resource<KubeObject>>;
}

function collect({ object, resource }: Owned, { uids, resources }: Known): readonly Action[] {
  const references = object.metadata?.ownerReferences ?? [];
  if (references.length === 0 || isDeleting(object)) return [];
  const owners = references.map((reference) => ({
    reference,
    resource: resources.get(kindOf(reference)),
  }));
  const known = owners.filter((owner) => owner.resource !== undefined);
  if (known.length < owners.length || owners.some(({ reference }) => uids.has(reference.uid))) {
    return [];
  }
  return [
    {
      kind: 'collect',
      resource,
      name: nameOf(object),
      uid: uidOf(object),
      owners: owners.flatMap(({ reference, resource: kind }) =>
        kind === undefined ? [] : [{ reference, resource: kind }],
      ),
      why: `its owner ${references.map(({ kind, name }) => `${kind} ${name}`).join(', ')} is gone`,
    },
  ];
}

/** The group and kind of an owner, whichever version the reference names. */
function kindOf({ apiVersion, kind }: OwnerReference): string {
  const [, group = ''] = apiVersion.split('/').reverse();
  return `${group}/${kind}`;
}

/** Carries out the finalizers that decide what happens to an owner's dependents. */
function release(owner: Owned, dependents: readonly Owned[]): readonly Action[] {
  const finalizers = owner.object.metadata?.finalizers ?? [];
  if (!isDeleting(owner.object)) return [];
  if (finalizers.includes(ORPHAN)) {
    return [
      ...dependents.map((dependent) => disown(dependent, uidOf(owner.object))),
      dropFinalizer(owner, ORPHAN, 'its dependents have been orphaned'),
    ];
  }
  if (!finalizers.includes(FOREGROUND)) return [];
  const blocking = dependents.filter(({ object }) =>
    object.metadata?.ownerReferences?.some(
      ({ uid, blockOwnerDeletion }) => uid === uidOf(owner.object) && blockOwnerDeletion === true,
    ),
  );
  if (blocking.length === 0) return [dropFinalizer(owner, FOREGROUND, 'its dependents are gone')];
  return blocking
    .filter(({ object }) => !isDeleting(object))
    .map(({ object, resource }) => ({
      kind: 'delete',
      resource,
      name: nameOf(object),
      options: { uid: uidOf(object), propagationPolicy: 'Foreground' },
      why: 'its owner is deleted in the foreground',
    }));
}

function disown({ object, resource }: Owned, ownerUid: string): Action {
  const references = object.metadata?.ownerReferences ?? [];
  const ownerReferences = references.filter(({ uid }) => uid !== ownerUid);
  const body = { metadata: { uid: uidOf(object), ownerReferences } };
  const why = "its owner's deletion orphans it";
  return { kind: 'patch', resource, name: nameOf(object), type: 'merge', body, why };
}

function dropFinalizer({ object, resource }: Owned, finalizer: string, why: string): Action {
  const { resourceVersion, finalizers = [] } = object.metadata ?? {};
  const body = {
    metadata: { resourceVersion, finalizers: finalizers.filter((name) => name !== finalizer) },
  };
  return { kind: 'patch', resource, name: nameOf(object), type: 'merge', body, why };
}
