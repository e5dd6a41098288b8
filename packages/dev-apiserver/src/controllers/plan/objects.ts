import { formatTimestamp } from '@nodeagent/base';
import type {
  KubeObject,
  ObjectName,
  ObjectReference,
  OwnerReference,
  Pod,
  PodCondition,
} from '@nodeagent/kube-client';

export function nameOf({ metadata }: KubeObject): ObjectName {
  const { namespace, name = '' } = metadata ?? {};
  return namespace === undefined ? { name } : { namespace, name };
}

export function uidOf({ metadata }: KubeObject): string {
  return metadata?.uid ?? '';
}

export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata?.ownerReferences?.find((owner) => owner.controller === true);
}

export function isDeleting({ metadata }: KubeObject): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

/** Returns a reference for events. */
export function referenceTo(object: KubeObject, kind: string, apiVersion: string): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return {
    kind,
    apiVersion,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

export function isFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

export function podCondition({ status }: Pod, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Sorts by namespace, then name: plans must not depend on the order in which objects arrived. */
export function sorted<T extends KubeObject>(objects: Iterable<T>): readonly T[] {
  const keyed = Array.from(objects, (object) => ({ key: sortKey(object), object }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ object }) => object);
}

function sortKey({ metadata }: KubeObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** Returns the sorted objects that `keep` accepts: most plans need few of many. */
export function sortedWhere<T extends KubeObject>(
  objects: Iterable<T>,
  keep: (object: T) => boolean,
): readonly T[] {
  const kept: T[] = [];
  for (const object of objects) if (keep(object)) kept.push(object);
  return sorted(kept);
}

/** Returns a condition with the time at which its status last changed. */
export function withTransition<C extends { readonly status: string }>(
  condition: C,
  before: { readonly status: string; readonly lastTransitionTime?: string } | undefined,
  nowMs: number,
): C & { readonly lastTransitionTime: string } {
  const kept = before?.status === condition.status ? before.lastTransitionTime : undefined;
  return { ...condition, lastTransitionTime: kept ?? formatTimestamp(nowMs) };
}

/** Returns a copy without some members. */
export function without<T extends object>(object: T, ...keys: readonly string[]): T {
  const members = Object.entries(object).filter(([key]) => !keys.includes(key));
  return Object.fromEntries(members) as T;
}

/** Groups items by key, each group in the order of the items; leaves out items without a key. */
export function groupBy<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string | undefined,
): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
