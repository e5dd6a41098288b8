import { parseTimestamp } from '@nodeagent/base';
import {
  DAEMON_SETS,
  type DaemonSet,
  type Node,
  type Pod,
  PODS,
  selects,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import { daemonPod, nodeOf, ownedByDaemonSet, podRevision, revisionOf } from './daemon-pod.js';
import { matchesNode } from './node-fit.js';
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
import { share } from './rollout-bounds.js';
import { untolerated } from './tolerations.js';

/** A set with its pods and the nodes for them. */
interface Situation {
  readonly set: DaemonSet;
  readonly pods: readonly Pod[];
  /** Names of the nodes that get a pod. */
  readonly wanted: ReadonlySet<string>;
  /** Names of the nodes that may keep a pod, those that get one among them. */
  readonly kept: ReadonlySet<string>;
  readonly nowMs: number;
}

/**
 * Keeps one pod of each set on each node that its template fits, by a required node affinity that
 * the scheduler follows; replaces pods that have failed, and, as far as `maxUnavailable` allows,
 * pods of an older template.
 *
 * It waits until the old pod of a node is gone (`maxSurge` is ignored), has no back-off for failed
 * pods, and keeps no ControllerRevisions.
 *
 * @see Kubernetes 1.36 pkg/controller/daemon/daemon_controller.go, update.go
 */
export function planDaemonSets(view: View, nowMs: number): Plan {
  const actions: Action[] = [];
  let againInMs: number | undefined;
  for (const set of sorted(view.daemonSets.values())) {
    const { mine, orphans } = podsOf(set, view);
    const situation = { set, pods: mine, ...nodesFor(set, view), nowMs };
    if (!isDeleting(set)) {
      actions.push(...orphans.map((pod) => adopt(set, pod)));
      if (orphans.length === 0) actions.push(...manage(situation));
    }
    actions.push(...reportStatus(situation));
    const soonMs = nextAvailableMs(situation);
    if (soonMs !== undefined) againInMs = Math.min(againInMs ?? soonMs, soonMs);
  }
  return againInMs === undefined ? { actions } : { actions, againInMs };
}

function podsOf(
  set: DaemonSet,
  view: View,
): { readonly mine: readonly Pod[]; readonly orphans: readonly Pod[] } {
  const pods = sorted(view.pods.values()).filter(
    ({ metadata }) => metadata?.namespace === set.metadata?.namespace,
  );
  const isOrphan = (pod: Pod): boolean =>
    controllerOf(pod) === undefined &&
    !isDeleting(pod) &&
    selects(set.spec?.selector, pod.metadata?.labels);
  return {
    mine: pods.filter((pod) => controllerOf(pod)?.uid === uidOf(set)),
    orphans: isDeleting(set) ? [] : pods.filter(isOrphan),
  };
}

function adopt(set: DaemonSet, pod: Pod): Action {
  const ownerReferences = [...(pod.metadata?.ownerReferences ?? []), ownedByDaemonSet(set)];
  const body = { metadata: { uid: uidOf(pod), ownerReferences } };
  const why = 'selected, and without a controller';
  return { kind: 'patch', resource: PODS, name: nameOf(pod), type: 'merge', body, why };
}

/** A taint NoSchedule keeps new pods away and lets those stay that are there. */
function nodesFor(
  set: DaemonSet,
  view: View,
): Readonly<{ wanted: ReadonlySet<string>; kept: ReadonlySet<string> }> {
  const wanted = new Set<string>();
  const kept = new Set<string>();
  const template = { spec: set.spec?.template.spec ?? { containers: [] } };
  for (const node of view.nodes.values()) {
    const name = node.metadata?.name ?? '';
    // the pod as it would be, with the tolerations of every pod of a DaemonSet
    const { spec } = daemonPod(set, name);
    if (isDeleting(node) || !matchesNode(template, node)) continue;
    const isKeptOff = (effects: readonly string[]): boolean =>
      untolerated(taintsOf(node), spec?.tolerations ?? [], effects) !== undefined;
    if (isKeptOff(['NoExecute'])) continue;
    kept.add(name);
    if (!isKeptOff(['NoSchedule'])) wanted.add(name);
  }
  return { wanted, kept };
}

const taintsOf = ({ spec }: Node): NonNullable<NonNullable<Node['spec']>['taints']> =>
  spec?.taints ?? [];

function manage(situation: Situation): readonly Action[] {
  const { set, pods, wanted, kept } = situation;
  const actions: Action[] = [];
  const served = new Set<string>();
  for (const pod of oldestFirst(pods)) {
    const node = nodeOf(pod);
    if (node === undefined) continue;
    if (isDeleting(pod)) served.add(node);
    else if (!kept.has(node)) actions.push(remove(set, pod, 'its node does not fit'));
    else if (isFinished(pod)) {
      served.add(node); // its successor follows when it is gone
      actions.push(remove(set, pod, 'it has ended'));
    } else if (served.has(node)) actions.push(remove(set, pod, 'its node has another'));
    else served.add(node);
  }
  for (const node of [...wanted].sort()) {
    if (!served.has(node)) actions.push(create(set, node));
  }
  return actions.length > 0 ? actions : replaceOld(situation);
}

function oldestFirst(pods: readonly Pod[]): readonly Pod[] {
  const time = ({ metadata }: Pod): string => metadata?.creationTimestamp ?? '';
  return [...pods].sort((a, b) => (time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : 0));
}

/** Removes pods of an older template; the nodes get new ones when they are gone. */
function replaceOld(situation: Situation): readonly Action[] {
  const { set, pods, wanted } = situation;
  const { type = 'RollingUpdate', rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const most = Math.max(1, share(rollingUpdate?.maxUnavailable ?? 1, wanted.size, Math.ceil));
  const revision = revisionOf(set);
  const old = pods.filter((pod) => podRevision(pod) !== revision && !isDeleting(pod));
  const available = pods.filter((pod) => isAvailable(pod, situation));
  const missing = Math.max(0, wanted.size - available.length);
  const [alive, ailing] = [
    old.filter((pod) => available.includes(pod)),
    old.filter((pod) => !available.includes(pod)),
  ];
  const why = `its template is not ${revision}`;
  return [...ailing, ...alive.slice(0, Math.max(0, most - missing))].map((pod) =>
    remove(set, pod, why),
  );
}

function create(set: DaemonSet, node: string): Action {
  const event = told(set, 'SuccessfulCreate', 'Created pod: $name');
  const why = `${node} has no pod of the set`;
  return { kind: 'create', resource: PODS, object: daemonPod(set, node), why, event };
}

function remove(set: DaemonSet, pod: Pod, why: string): Action {
  const event = told(set, 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`);
  const options = { uid: uidOf(pod) };
  return { kind: 'delete', resource: PODS, name: nameOf(pod), options, why, event };
}

function told(set: DaemonSet, reason: string, message: string) {
  const about = referenceTo(set, 'DaemonSet', 'apps/v1');
  return { about, type: 'Normal', reason, message } as const;
}

function availableAtMs(pod: Pod, { set }: Situation): number {
  const minReadyMs = (set.spec?.minReadySeconds ?? 0) * 1000;
  if (minReadyMs === 0) return Number.NEGATIVE_INFINITY;
  const since = podCondition(pod, 'Ready')?.lastTransitionTime;
  return (parseTimestamp(since ?? '') ?? Number.POSITIVE_INFINITY) + minReadyMs;
}

function isAvailable(pod: Pod, situation: Situation): boolean {
  if (!isReady(pod) || isDeleting(pod)) return false;
  return availableAtMs(pod, situation) <= situation.nowMs;
}

function nextAvailableMs(situation: Situation): number | undefined {
  const waits = situation.pods
    .filter(isReady)
    .map((pod) => availableAtMs(pod, situation) - situation.nowMs)
    .filter((ms) => ms > 0 && Number.isFinite(ms));
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function reportStatus(situation: Situation): readonly Action[] {
  const { set, pods, wanted } = situation;
  const revision = revisionOf(set);
  const here = pods.filter((pod) => !isDeleting(pod) && wanted.has(nodeOf(pod) ?? ''));
  const elsewhere = pods.filter((pod) => !isDeleting(pod) && !wanted.has(nodeOf(pod) ?? ''));
  const nodes = (chosen: readonly Pod[]): number => new Set(chosen.map(nodeOf)).size;
  const available = nodes(here.filter((pod) => isAvailable(pod, situation)));
  const status = {
    currentNumberScheduled: nodes(here),
    numberMisscheduled: nodes(elsewhere),
    desiredNumberScheduled: wanted.size,
    numberReady: nodes(here.filter(isReady)),
    observedGeneration: set.metadata?.generation ?? 0,
    updatedNumberScheduled: nodes(here.filter((pod) => podRevision(pod) === revision)),
    numberAvailable: available,
    numberUnavailable: wanted.size - available,
  };
  const before: Partial<NonNullable<DaemonSet['status']>> = set.status ?? {};
  const same = Object.entries(status).every(
    ([key, value]) => before[key as keyof typeof status] === value,
  );
  if (same) return [];
  const body = { metadata: { uid: uidOf(set) }, status };
  const target = { resource: DAEMON_SETS, name: nameOf(set), subresource: 'status' } as const;
  return [{ kind: 'patch', ...target, type: 'merge', body, why: 'pods or nodes changed' }];
}
