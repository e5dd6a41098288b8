import { parseTimestamp } from '@nodeagent/base';
import { type Pod, PODS, REPLICA_SETS, type ReplicaSet, selects } from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import {
  controllerOf,
  groupBy,
  isDeleting,
  isFinished,
  isReady,
  nameOf,
  podCondition,
  referenceTo,
  sorted,
  uidOf,
} from './objects.js';

const API_VERSION = 'apps/v1';
/** Maximum number of pods that one plan creates for one set; more follow when these are stored. */
const BURST = 500;

/**
 * Creates and deletes pods until each ReplicaSet has its number, and updates its status.
 *
 * @see Kubernetes 1.36 pkg/controller/replicaset/replica_set.go
 */
export function planReplicas(view: View, nowMs: number): Plan {
  if (view.replicaSets.size === 0) return { actions: [] };
  const pods = sorted(view.pods.values());
  const owned = groupBy(pods, (pod) => controllerOf(pod)?.uid);
  const free = groupBy(
    pods.filter((pod) => controllerOf(pod) === undefined),
    (pod) => pod.metadata?.namespace,
  );
  const actions: Action[] = [];
  let againInMs: number | undefined;
  for (const set of sorted(view.replicaSets.values())) {
    const mine = owned.get(uidOf(set)) ?? [];
    const orphans = claim(set, free.get(set.metadata?.namespace ?? '') ?? []);
    if (!isDeleting(set)) {
      actions.push(...orphans.map((pod) => adopt(set, pod)), ...resize(set, [...mine, ...orphans]));
    }
    const active = [...mine, ...orphans].filter(isActive);
    actions.push(...reportStatus(set, active, nowMs));
    const soonMs = nextAvailableMs(set, active, nowMs);
    if (soonMs !== undefined) againInMs = Math.min(againInMs ?? soonMs, soonMs);
  }
  return againInMs === undefined ? { actions } : { actions, againInMs };
}

/** Returns the pods that the set may adopt because they have no controller. */
function claim(set: ReplicaSet, free: readonly Pod[]): readonly Pod[] {
  if (isDeleting(set)) return [];
  return free.filter((pod) => isActive(pod) && selects(set.spec?.selector, pod.metadata?.labels));
}

function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !isDeleting(pod);
}

function ownerReference(set: ReplicaSet) {
  const { name = '', uid = '' } = set.metadata ?? {};
  const flags = { controller: true, blockOwnerDeletion: true };
  return { apiVersion: API_VERSION, kind: 'ReplicaSet', name, uid, ...flags };
}

function adopt(set: ReplicaSet, pod: Pod): Action {
  const ownerReferences = [...(pod.metadata?.ownerReferences ?? []), ownerReference(set)];
  const body = { metadata: { uid: uidOf(pod), ownerReferences } };
  const name = nameOf(pod);
  return {
    kind: 'patch',
    resource: PODS,
    name,
    type: 'merge',
    body,
    why: 'selected, and without a controller',
  };
}

function resize(set: ReplicaSet, pods: readonly Pod[]): readonly Action[] {
  const wanted = set.spec?.replicas ?? 1;
  const active = pods.filter(isActive);
  const missing = wanted - active.length;
  if (missing > 0) {
    const why = `${active.length} of ${wanted} replicas`;
    return Array.from({ length: Math.min(missing, BURST) }, () => createPod(set, why));
  }
  return leastWorthFirst(active)
    .slice(0, -missing)
    .map((pod) => deletePod(set, pod, `${active.length} replicas, ${wanted} wanted`));
}

function createPod(set: ReplicaSet, why: string): Action {
  const { namespace = '', name = '' } = set.metadata ?? {};
  const template = set.spec?.template;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  const object: Pod = {
    metadata: {
      generateName: `${name}-`,
      namespace,
      ownerReferences: [ownerReference(set)],
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
    ...(template?.spec === undefined ? {} : { spec: template.spec }),
  };
  const about = referenceTo(set, 'ReplicaSet', API_VERSION);
  const event = {
    about,
    type: 'Normal',
    reason: 'SuccessfulCreate',
    message: 'Created pod: $name',
  } as const;
  return { kind: 'create', resource: PODS, object, why, event };
}

function deletePod(set: ReplicaSet, pod: Pod, why: string): Action {
  const about = referenceTo(set, 'ReplicaSet', API_VERSION);
  const message = `Deleted pod: ${pod.metadata?.name}`;
  const event = { about, type: 'Normal', reason: 'SuccessfulDelete', message } as const;
  const options = { uid: uidOf(pod) };
  return { kind: 'delete', resource: PODS, name: nameOf(pod), options, why, event };
}

/** @see Kubernetes 1.36 pkg/controller/controller_utils.go, ActivePodsWithRanks */
function leastWorthFirst(pods: readonly Pod[]): readonly Pod[] {
  const perNode = new Map<string, number>();
  for (const { spec } of pods) {
    perNode.set(spec?.nodeName ?? '', (perNode.get(spec?.nodeName ?? '') ?? 0) + 1);
  }
  const phases = ['Pending', 'Unknown', 'Running'];
  const rank = (pod: Pod): readonly number[] => {
    const node = pod.spec?.nodeName ?? '';
    const cost = Number(
      pod.metadata?.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0,
    );
    const createdMs = parseTimestamp(pod.metadata?.creationTimestamp ?? '') ?? 0;
    return [
      node === '' ? 0 : 1,
      phases.indexOf(pod.status?.phase ?? 'Pending'),
      isReady(pod) ? 1 : 0,
      Number.isNaN(cost) ? 0 : cost,
      -(perNode.get(node) ?? 0),
      -createdMs,
    ];
  };
  return [...pods]
    .map((pod) => ({ pod, rank: rank(pod) }))
    .sort((a, b) => compare(a.rank, b.rank))
    .map(({ pod }) => pod);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** Returns the time at which a ready pod will have been ready for `minReadySeconds`. */
function availableAtMs(set: ReplicaSet, pod: Pod): number {
  const minReadyMs = (set.spec?.minReadySeconds ?? 0) * 1000;
  if (minReadyMs === 0) return Number.NEGATIVE_INFINITY;
  const since = podCondition(pod, 'Ready')?.lastTransitionTime;
  return (parseTimestamp(since ?? '') ?? Number.POSITIVE_INFINITY) + minReadyMs;
}

function nextAvailableMs(set: ReplicaSet, active: readonly Pod[], nowMs: number) {
  const waits = active
    .filter(isReady)
    .map((pod) => availableAtMs(set, pod) - nowMs)
    .filter((ms) => ms > 0 && Number.isFinite(ms));
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function reportStatus(set: ReplicaSet, active: readonly Pod[], nowMs: number): readonly Action[] {
  const ready = active.filter(isReady);
  const available = ready.filter((pod) => availableAtMs(set, pod) <= nowMs);
  const labels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const labelled = active.filter(({ metadata }) =>
    labels.every(([key, value]) => metadata?.labels?.[key] === value),
  );
  const status = {
    replicas: active.length,
    fullyLabeledReplicas: labelled.length,
    readyReplicas: ready.length,
    availableReplicas: available.length,
    observedGeneration: set.metadata?.generation ?? 0,
  };
  const before = set.status;
  const same =
    before !== undefined &&
    Object.entries(status).every(
      ([key, value]) => (before[key as keyof typeof status] ?? 0) === value,
    );
  if (same) return [];
  const body = { metadata: { uid: uidOf(set) }, status };
  const target = { resource: REPLICA_SETS, name: nameOf(set), subresource: 'status' } as const;
  return [{ kind: 'patch', ...target, type: 'merge', body, why: 'pods changed' }];
}
