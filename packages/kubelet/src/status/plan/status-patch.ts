import { isDeepStrictEqual } from 'node:util';

import type { PodCondition, PodStatus } from '@nodeagent/kube-client';

/** The fields of a pod's status that a kubelet writes; other fields have other writers. */
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

/** The kubelet's conditions that exist only for the duration of an operation. */
const PASSING_CONDITIONS = new Set(['PodResizePending', 'PodResizeInProgress']);

export interface StatusPatch {
  readonly metadata: { readonly uid: string };
  readonly status: Readonly<Record<string, unknown>>;
}

/**
 * A strategic merge patch of the changed fields, with the pod's uid. The API server refuses to
 * change a uid, so the patch cannot affect another pod of the same name.
 *
 * @param base the status that the API is known to hold
 * @returns undefined if nothing changed
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
 * The status that the API holds after a write: its answer, plus sent fields that are missing in the
 * answer. An older API server does not know those fields; without this, each write would send them
 * again.
 */
export function heldStatus(
  { status: sent }: StatusPatch,
  next: PodStatus,
  answer: PodStatus,
): PodStatus {
  const fields = OWN_FIELDS.filter((field) => field in sent && !(field in answer));
  return { ...Object.fromEntries(fields.map((field) => [field, next[field]])), ...answer };
}

/** `null` removes a field; undefined leaves it unchanged. */
function fieldChange(
  field: (typeof OWN_FIELDS)[number],
  base: PodStatus,
  next: PodStatus,
): unknown {
  if (field === 'conditions') return changedConditions(base[field] ?? [], next[field] ?? []);
  if (next[field] === undefined) return base[field] === undefined ? undefined : null;
  switch (field) {
    case 'podIPs':
    case 'hostIPs':
      // These lists merge by address; this directive makes the new list replace the old one.
      return [...(next[field] ?? []), { $patch: 'replace' }];
    case 'resources':
    case 'allocatedResources':
      // Objects merge by key, so removed keys would stay without the directive. If the API has no
      // object yet, kube-apiserver drops one with a directive: pkg/util/strategicpatch/patch.go.
      return base[field] === undefined ? next[field] : { ...next[field], $patch: 'replace' };
    default:
      return next[field];
  }
}

/** Conditions merge by type, so conditions of other writers are not sent. */
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
