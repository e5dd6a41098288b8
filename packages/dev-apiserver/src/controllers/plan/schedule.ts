import { type Pod, PODS } from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import { emptyRoom, place, type Room, whyNot } from './node-fit.js';
import {
  controllerOf,
  isDeleting,
  isFinished,
  nameOf,
  podCondition,
  referenceTo,
  sorted,
  sortedWhere,
  uidOf,
  withTransition,
} from './objects.js';
import { bindOnNode, claimsOfPod, whyNotHere } from './storage/pod-claims.js';

const SCHEDULER = 'default-scheduler';

/**
 * Chooses a node for each pod without one: a node that fits, with the fewest replicas of the same
 * owner, then with the most room. Pods that fit nowhere get a condition with the reason.
 *
 * A pod with claims that wait for it gets its node in two steps: first the claims get the node, and
 * once they are bound, the pod.
 *
 * Unlike Kubernetes' scheduler it ignores preferences, affinity between pods, spread constraints,
 * the free capacity of storage, priorities and preemption.
 */
export function planSchedule(view: View, nowMs: number): Plan {
  const waiting = [...sortedWhere(view.pods.values(), isWaiting)].sort(olderFirst);
  if (waiting.length === 0) return { actions: [] };
  const rooms = sorted(view.nodes.values())
    .filter((node) => !isDeleting(node))
    .map(emptyRoom);
  const byName = new Map(rooms.map((room) => [room.node.metadata?.name, room]));
  for (const pod of view.pods.values()) {
    const room = byName.get(pod.spec?.nodeName);
    if (room !== undefined && !isFinished(pod)) place(room, pod);
  }
  return { actions: waiting.flatMap((pod) => schedule(pod, rooms, { view, nowMs })) };
}

function isWaiting(pod: Pod): boolean {
  const { nodeName, schedulerName = SCHEDULER, schedulingGates = [] } = pod.spec ?? {};
  const unbound = nodeName === undefined || nodeName === '';
  if (!unbound || schedulerName !== SCHEDULER || schedulingGates.length > 0) return false;
  return !isDeleting(pod) && !isFinished(pod);
}

function olderFirst(a: Pod, b: Pod): number {
  const [left, right] = [a, b].map(({ metadata }) => metadata?.creationTimestamp ?? '');
  return (left ?? '') < (right ?? '') ? -1 : (left ?? '') > (right ?? '') ? 1 : 0;
}

interface Present {
  readonly view: View;
  readonly nowMs: number;
}

function schedule(pod: Pod, rooms: readonly Room[], { view, nowMs }: Present): readonly Action[] {
  const claims = claimsOfPod(pod, view);
  if (typeof claims === 'string') {
    return refuse(pod, `0/${rooms.length} nodes are available: ${claims}.`, nowMs);
  }
  const reasons = new Map<string, number>();
  let best: Room | undefined;
  for (const room of rooms) {
    const reason = whyNot(pod, room) ?? whyNotHere(claims, room.node, view);
    if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    else if (best === undefined || isBetter(pod, room, best)) best = room;
  }
  if (best === undefined) return refuse(pod, refusal(rooms.length, reasons), nowMs);
  place(best, pod);
  if (claims.waiting.length > 0) return bindOnNode(claims, best.node, view);
  const node = best.node.metadata?.name ?? '';
  const { namespace, name } = nameOf(pod);
  const message = `Successfully assigned ${namespace}/${name} to ${node}`;
  const about = referenceTo(pod, 'Pod', 'v1');
  return [
    {
      kind: 'bind',
      pod: nameOf(pod),
      uid: uidOf(pod),
      node,
      why: 'fits best',
      event: { about, type: 'Normal', reason: 'Scheduled', message, action: 'Binding' },
    },
  ];
}

function isBetter(pod: Pod, room: Room, than: Room): boolean {
  const owner = controllerOf(pod)?.uid ?? '';
  const siblings = (one: Room): number => one.siblings.get(owner) ?? 0;
  if (siblings(room) !== siblings(than)) return siblings(room) < siblings(than);
  return load(room) < load(than);
}

/** Returns the load of a node: the mean of its CPU, memory and pods, each 0 to 1. */
function load({ allocatable, taken }: Room): number {
  const shares = ['cpu', 'memory', 'pods'].map((name) => {
    const of = allocatable.get(name) ?? 0;
    return of === 0 ? 1 : (taken.get(name) ?? 0) / of;
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function refusal(nodes: number, reasons: ReadonlyMap<string, number>): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const counts = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${counts.join(', ')}.`;
}

function refuse(pod: Pod, message: string, nowMs: number): readonly Action[] {
  const earlier = podCondition(pod, 'PodScheduled');
  if (earlier?.status === 'False' && earlier.message === message) return [];
  const asked = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  const condition = withTransition(asked, earlier, nowMs);
  const about = referenceTo(pod, 'Pod', 'v1');
  return [
    {
      kind: 'patch',
      resource: PODS,
      name: nameOf(pod),
      type: 'strategic-merge',
      body: { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } },
      subresource: 'status',
      why: 'fits on no node',
      event: { about, type: 'Warning', reason: 'FailedScheduling', message, action: 'Scheduling' },
    },
  ];
}
