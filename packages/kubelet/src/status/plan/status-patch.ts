import { isDeepStrictEqual } from 'node:util';

import type { PodCondition, PodStatus } from '@nodeagent/kube-client';

/** The fields of a pod's status that a kubelet writes; the rest belongs to others. */
const OWN_FIELDS = [
  'observedGeneration',
  'phase',
  'reason',
  'message',
  'conditions',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'qosClass',
  'startTime',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
  'resources',
  'allocatedResources',
] as const satisfies readonly (keyof PodStatus)[];

/** Conditions of a kubelet's that are there only while something lasts. */
const PASSING_CONDITIONS = new Set(['PodResizePending', 'PodResizeInProgress']);

export interface StatusPatch {
  readonly metadata: { readonly uid: string };
  readonly status: Readonly<Record<string, unknown>>;
}

/**
 * A strategic merge patch with only what differs, and the uid, which the API server refuses to
 * change: so the patch can never reach another pod of the same name.
 *
 * @param base what the API is known to hold
 * @returns undefined when there is nothing to say
 */
export function statusPatch(
  uid: string,
  base: PodStatus,
  next: PodStatus,
): StatusPatch | undefined {
  const status: Record<string, unknown> = {};
  for (const field of OWN_FIELDS) {
    if (isDeepStrictEqual(base[field], next[field])) continue;
    const change = fieldChange(field, base, next);
    if (change !== undefined) status[field] = change;
  }
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid }, status };
}

/**
 * What the API is known to hold after a write. Fields that were sent and are not in the answer are
 * none that this API server knows: they count as told, else they would be sent for ever.
 */
export function toldStatus(
  { status: sent }: StatusPatch,
  next: PodStatus,
  answer: PodStatus,
): PodStatus {
  const fields = OWN_FIELDS.filter((field) => field in sent && !(field in answer));
  return { ...Object.fromEntries(fields.map((field) => [field, next[field]])), ...answer };
}

/** `null` removes a field; undefined leaves it. */
function fieldChange(
  field: (typeof OWN_FIELDS)[number],
  base: PodStatus,
  next: PodStatus,
): unknown {
  if (next[field] === undefined) return base[field] === undefined ? undefined : null;
  switch (field) {
    case 'conditions':
      return changedConditions(base.conditions ?? [], next.conditions ?? []);
    case 'podIPs':
    case 'hostIPs':
      // Lists that merge by address: the whole list is sent as the new one.
      return [...(next[field] ?? []), { $patch: 'replace' }];
    case 'resources':
    case 'allocatedResources':
      // Objects merge key by key: what is no longer in one would stay. Where there is none, a
      // kube-apiserver drops an object with a directive whole: pkg/util/strategicpatch/patch.go.
      return base[field] === undefined ? next[field] : { ...next[field], $patch: 'replace' };
    default:
      return next[field];
  }
}

/** Conditions merge by type, so those of other writers need not be sent, nor known. */
function changedConditions(
  base: readonly PodCondition[],
  next: readonly PodCondition[],
): readonly object[] | undefined {
  const changed = next.flatMap((condition) => {
    const old = base.find(({ type }) => type === condition.type) ?? {};
    if (isDeepStrictEqual(old, condition)) return [];
    const dropped = Object.keys(old).filter((key) => !(key in condition));
    return [{ ...condition, ...Object.fromEntries(dropped.map((key) => [key, null])) }];
  });
  const kept = new Set(next.map(({ type }) => type));
  const over = base.filter(({ type }) => PASSING_CONDITIONS.has(type) && !kept.has(type));
  const gone = over.map(({ type }) => ({ type, $patch: 'delete' }));
  return changed.length + gone.length > 0 ? [...changed, ...gone] : undefined;
}
