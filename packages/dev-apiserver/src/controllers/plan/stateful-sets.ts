import { parseTimestamp } from '@nodeagent/base';
import {
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  type Pod,
  PODS,
  selects,
  STATEFUL_SETS,
  type StatefulSet,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import {
  controllerOf,
  isDeleting,
  isFinished,
  isReady,
  nameOf,
  podCondition,
  referenceTo,
  sorted,
  uidOf,
} from './objects.js';
import {
  ordinalOf,
  ownedBySet,
  podRevision,
  revisionOf,
  statefulClaims,
  statefulPod,
  wantedOrdinals,
  wantedOwners,
} from './stateful-pod.js';

interface Member {
  readonly ordinal: number;
  readonly pod: Pod;
}

/** A set with what it has. */
interface Situation {
  readonly set: StatefulSet;
  /** By ordinal, ascending. */
  readonly members: readonly Member[];
  readonly claims: View['persistentVolumeClaims'];
  readonly nowMs: number;
}

/**
 * Creates a set's pods and claims in the order of their ordinals, each when the one before it is
 * ready; deletes them in the opposite order; replaces pods of an older template from the last one
 * down. With `Parallel` it does not wait when it creates and deletes.
 *
 * It keeps no ControllerRevisions: a pod below the `partition` keeps its template only as long as it
 * lives, and there is no undo.
 *
 * @see Kubernetes 1.36 pkg/controller/statefulset/stateful_set_control.go
 */
export function planStatefulSets(view: View, nowMs: number): Plan {
  const actions: Action[] = [];
  let againInMs: number | undefined;
  for (const set of sorted(view.statefulSets.values())) {
    const { mine, orphans } = podsOf(set, view);
    const members = mine
      .flatMap((pod) => {
        const ordinal = ordinalOf(set, pod);
        return ordinal === undefined ? [] : [{ ordinal, pod }];
      })
      .sort((a, b) => a.ordinal - b.ordinal);
    const situation = { set, members, claims: view.persistentVolumeClaims, nowMs };
    if (!isDeleting(set)) {
      actions.push(...orphans.map((pod) => adopt(set, pod)));
      if (orphans.length === 0) actions.push(...steps(situation));
    }
    actions.push(...reportStatus(situation));
    const soonMs = nextAvailableMs(situation);
    if (soonMs !== undefined) againInMs = Math.min(againInMs ?? soonMs, soonMs);
  }
  return againInMs === undefined ? { actions } : { actions, againInMs };
}

function podsOf(
  set: StatefulSet,
  view: View,
): { readonly mine: readonly Pod[]; readonly orphans: readonly Pod[] } {
  const mine: Pod[] = [];
  const orphans: Pod[] = [];
  for (const pod of view.pods.values()) {
    if (pod.metadata?.namespace !== set.metadata?.namespace) continue;
    const owner = controllerOf(pod);
    if (owner?.uid === uidOf(set)) mine.push(pod);
    else if (owner === undefined && !isDeleting(pod) && ordinalOf(set, pod) !== undefined) {
      if (selects(set.spec?.selector, pod.metadata?.labels)) orphans.push(pod);
    }
  }
  return { mine, orphans };
}

function adopt(set: StatefulSet, pod: Pod): Action {
  const ownerReferences = [...(pod.metadata?.ownerReferences ?? []), ownedBySet(set)];
  const body = { metadata: { uid: uidOf(pod), ownerReferences } };
  const why = 'selected, and without a controller';
  return { kind: 'patch', resource: PODS, name: nameOf(pod), type: 'merge', body, why };
}

function steps(situation: Situation): readonly Action[] {
  const { set } = situation;
  const waits = set.spec?.podManagementPolicy !== 'Parallel';
  const actions: Action[] = [];
  for (const ordinal of wantedOrdinals(set)) {
    const step = keep(ordinal, situation);
    actions.push(...step.actions);
    if (!step.isDone && waits) return actions;
  }
  const condemned = condemnedMembers(situation);
  const owned = condemned.flatMap(({ ordinal, pod }) => retain(ordinal, situation, pod));
  if (owned.length > 0) return [...actions, ...owned];
  const removed = scaleDown(condemned, situation, waits);
  if (condemned.length > 0) return [...actions, ...removed];
  return [...actions, ...update(situation)];
}

interface Step {
  readonly actions: readonly Action[];
  /** True when the next ordinal may follow. */
  readonly isDone: boolean;
}

/** Takes care of one of the ordinals that the set should have. */
function keep(ordinal: number, situation: Situation): Step {
  const { set, members } = situation;
  const pod = members.find((member) => member.ordinal === ordinal)?.pod;
  if (pod === undefined) {
    const claims = missingClaims(ordinal, situation);
    if (claims === 'stale') return { actions: [], isDone: false };
    const name = `${set.metadata?.name ?? ''}-${ordinal}`;
    const create: Action = {
      kind: 'create',
      resource: PODS,
      object: statefulPod(set, ordinal),
      why: 'the set has no such pod',
      event: told(set, 'SuccessfulCreate', `create Pod ${name}`, 'successful'),
    };
    return { actions: [...claims, create], isDone: false };
  }
  if (isFinished(pod)) {
    const actions = isDeleting(pod) ? [] : [remove(set, pod, 'it has ended')];
    return { actions, isDone: false };
  }
  const claims = pod.status?.phase === 'Pending' ? missingClaims(ordinal, situation) : [];
  const actions = claims === 'stale' ? [] : claims;
  if (!isAvailable(pod, situation)) return { actions, isDone: false };
  return { actions: [...actions, ...retain(ordinal, situation, pod)], isDone: true };
}

/** @returns `stale` while a claim of that name is being deleted, or belongs to an earlier pod */
function missingClaims(
  ordinal: number,
  { set, members, claims }: Situation,
): readonly Action[] | 'stale' {
  const wanted = statefulClaims(set, ordinal);
  const uid = members.find((member) => member.ordinal === ordinal)?.pod.metadata?.uid ?? '';
  const name = `${set.metadata?.name ?? ''}-${ordinal}`;
  const actions: Action[] = [];
  for (const object of wanted) {
    const found = claims.get(`${object.metadata?.namespace}/${object.metadata?.name}`);
    if (found === undefined) {
      const owners = wantedOwners(set, object, undefined) ?? [];
      const metadata = {
        ...object.metadata,
        ...(owners.length > 0 && { ownerReferences: [...owners] }),
      };
      const what = `create Claim ${object.metadata?.name} Pod ${name}`;
      actions.push({
        kind: 'create',
        resource: PERSISTENT_VOLUME_CLAIMS,
        object: { ...object, metadata },
        why: 'the pod has a template for it',
        event: told(set, 'SuccessfulCreate', what, 'success'),
      });
    } else if (isDeleting(found) || isOfEarlierPod(found, name, uid)) return 'stale';
  }
  return actions;
}

function isOfEarlierPod({ metadata }: PersistentVolumeClaim, name: string, uid: string): boolean {
  return (metadata?.ownerReferences ?? []).some(
    (owner) => owner.kind === 'Pod' && owner.name === name && owner.uid !== uid,
  );
}

/** Gives a pod's claims the owners of the set's retention policy. */
function retain(ordinal: number, { set, claims }: Situation, pod: Pod): readonly Action[] {
  return statefulClaims(set, ordinal).flatMap(({ metadata }): readonly Action[] => {
    const found = claims.get(`${metadata?.namespace}/${metadata?.name}`);
    if (found === undefined || isDeleting(found)) return [];
    const ownerReferences = wantedOwners(set, found, pod);
    if (ownerReferences === undefined) return [];
    const { resourceVersion } = found.metadata ?? {};
    const body = { metadata: { resourceVersion, ownerReferences } };
    const target = { resource: PERSISTENT_VOLUME_CLAIMS, name: nameOf(found) };
    return [{ kind: 'patch', ...target, type: 'merge', body, why: 'retention policy of the set' }];
  });
}

/** Returns the pods that the set should not have, the last ordinal first. */
function condemnedMembers({ set, members }: Situation): readonly Member[] {
  const wanted = new Set(wantedOrdinals(set));
  return members.filter(({ ordinal }) => !wanted.has(ordinal)).toReversed();
}

function scaleDown(
  condemned: readonly Member[],
  situation: Situation,
  waits: boolean,
): readonly Action[] {
  const { set } = situation;
  const why = 'the set has fewer replicas';
  if (!waits) {
    return condemned.filter(({ pod }) => !isDeleting(pod)).map(({ pod }) => remove(set, pod, why));
  }
  const [last] = condemned;
  if (last === undefined || isDeleting(last.pod)) return [];
  const firstUnavailable = condemned.findLast(({ pod }) => !isAvailable(pod, situation));
  const mayGo = isAvailable(last.pod, situation) || last === firstUnavailable;
  return mayGo ? [remove(set, last.pod, why)] : [];
}

/** Replaces the last pod of an older template, one at a time. */
function update(situation: Situation): readonly Action[] {
  const { set, members } = situation;
  const { type = 'RollingUpdate', rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const start = set.spec?.ordinals?.start ?? 0;
  const first = start + (rollingUpdate?.partition ?? 0);
  const wanted = revisionOf(set);
  for (const { ordinal, pod } of members.toReversed()) {
    if (ordinal < first) break;
    if (podRevision(pod) !== wanted && !isDeleting(pod)) {
      return [remove(set, pod, `its template is ${podRevision(pod)}, not ${wanted}`)];
    }
    if (!isAvailable(pod, situation)) return [];
  }
  return [];
}

function remove(set: StatefulSet, pod: Pod, why: string): Action {
  const event = told(set, 'SuccessfulDelete', `delete Pod ${pod.metadata?.name}`, 'successful');
  const options = { uid: uidOf(pod) };
  return { kind: 'delete', resource: PODS, name: nameOf(pod), options, why, event };
}

function told(set: StatefulSet, reason: string, what: string, outcome: string) {
  const about = referenceTo(set, 'StatefulSet', 'apps/v1');
  const message = `${what} in StatefulSet ${set.metadata?.name} ${outcome}`;
  return { about, type: 'Normal', reason, message } as const;
}

function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isReady(pod);
}

function availableAtMs(pod: Pod, { set }: Situation): number {
  const minReadyMs = (set.spec?.minReadySeconds ?? 0) * 1000;
  if (minReadyMs === 0) return Number.NEGATIVE_INFINITY;
  const since = podCondition(pod, 'Ready')?.lastTransitionTime;
  return (parseTimestamp(since ?? '') ?? Number.POSITIVE_INFINITY) + minReadyMs;
}

function isAvailable(pod: Pod, situation: Situation): boolean {
  if (!isRunningAndReady(pod) || isDeleting(pod)) return false;
  return availableAtMs(pod, situation) <= situation.nowMs;
}

function nextAvailableMs(situation: Situation): number | undefined {
  const waits = situation.members
    .filter(({ pod }) => isRunningAndReady(pod))
    .map(({ pod }) => availableAtMs(pod, situation) - situation.nowMs)
    .filter((ms) => ms > 0 && Number.isFinite(ms));
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function reportStatus(situation: Situation): readonly Action[] {
  const { set, members } = situation;
  const pods = members.map(({ pod }) => pod);
  const updateRevision = revisionOf(set);
  const before: Partial<NonNullable<StatefulSet['status']>> = set.status ?? {};
  const living = pods.filter((pod) => !isDeleting(pod));
  const updated = living.filter((pod) => podRevision(pod) === updateRevision).length;
  const replicas = pods.length;
  const ready = pods.filter(isRunningAndReady).length;
  const isUpdated = updated === replicas && ready === replicas;
  const currentRevision = isUpdated ? updateRevision : (before.currentRevision ?? updateRevision);
  const status = {
    replicas,
    readyReplicas: ready,
    availableReplicas: pods.filter((pod) => isAvailable(pod, situation)).length,
    currentReplicas: living.filter((pod) => podRevision(pod) === currentRevision).length,
    updatedReplicas: updated,
    currentRevision,
    updateRevision,
    observedGeneration: set.metadata?.generation ?? 0,
    collisionCount: 0,
  };
  const same = Object.entries(status).every(
    ([key, value]) => before[key as keyof typeof status] === value,
  );
  if (same) return [];
  const body = { metadata: { uid: uidOf(set) }, status };
  const target = { resource: STATEFUL_SETS, name: nameOf(set), subresource: 'status' } as const;
  return [{ kind: 'patch', ...target, type: 'merge', body, why: 'pods changed' }];
}
