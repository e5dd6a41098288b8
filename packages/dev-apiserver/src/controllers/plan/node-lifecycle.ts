import { type Node, NODES, type Pod, PODS } from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import {
  isDeleting,
  isReady,
  nameOf,
  podCondition,
  referenceTo,
  sorted,
  sortedWhere,
  uidOf,
  withTransition,
} from './objects.js';
import { canonical } from './template-hash.js';
import type { Taint } from './tolerations.js';

/** Silence after which a node's conditions become unknown, unless configured otherwise. */
const GRACE_MS = 40_000;
/** The same for a node that has never reported. */
const STARTUP_GRACE_MS = 60_000;
const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;
const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
/** Taints that keep new pods away while a condition is true. */
const PRESSURE: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const OURS = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...Object.values(PRESSURE)]);

/**
 * The last sign of life of each node, and the time when it was seen here: the nodes' clocks may be
 * wrong.
 */
export type Heartbeats = ReadonlyMap<string, Readonly<{ sign: string; seenMs: number }>>;

/** Records new signs of life: a renewed lease, or a status with a newer heartbeat. */
export function noteHeartbeats(before: Heartbeats, view: View, monotonicMs: number): Heartbeats {
  return new Map(
    [...view.nodes.values()].map((node) => {
      const name = node.metadata?.name ?? '';
      const renewed = view.leases.get(`kube-node-lease/${name}`)?.spec?.renewTime ?? '';
      const sign = `${uidOf(node)} ${renewed} ${ready(node)?.lastHeartbeatTime ?? ''}`;
      const known = before.get(name);
      return [name, known?.sign === sign ? known : { sign, seenMs: monotonicMs }];
    }),
  );
}

export interface NodeTimes {
  readonly heartbeats: Heartbeats;
  readonly monotonicMs: number;
  readonly nowMs: number;
  /** Silence after which a node that has reported counts as lost; 40 s when absent. */
  readonly graceMs?: number;
}

/**
 * Makes the conditions of silent nodes unknown, sets taints according to conditions, and marks pods
 * of nodes that are not ready as not ready.
 *
 * @see Kubernetes 1.36 pkg/controller/nodelifecycle/node_lifecycle_controller.go
 */
export function planNodeLifecycle(view: View, times: NodeTimes): Plan {
  const actions: Action[] = [];
  let againInMs: number | undefined;
  for (const node of sorted(view.nodes.values())) {
    const name = node.metadata?.name ?? '';
    const graceMs = ready(node) === undefined ? STARTUP_GRACE_MS : (times.graceMs ?? GRACE_MS);
    const seenMs = times.heartbeats.get(name)?.seenMs ?? times.monotonicMs;
    const leftMs = seenMs + graceMs - times.monotonicMs;
    const silent = leftMs <= 0;
    if (silent) actions.push(...giveUp(node, times.nowMs));
    else againInMs = Math.min(againInMs ?? leftMs, leftMs);
    const state = silent ? 'Unknown' : (ready(node)?.status ?? 'False');
    actions.push(...taint(node, state, times.nowMs));
    if (state !== 'True') actions.push(...markPods(name, view, times.nowMs));
  }
  return againInMs === undefined ? { actions } : { actions, againInMs };
}

function ready({ status }: Node) {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}

function giveUp(node: Node, nowMs: number): readonly Action[] {
  const conditions = REPORTED.flatMap((type) => {
    const before = node.status?.conditions?.find((condition) => condition.type === type);
    if (before?.status === 'Unknown') return [];
    const words =
      before === undefined
        ? { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' }
        : { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
    return [withTransition({ ...before, type, status: 'Unknown', ...words }, before, nowMs)];
  });
  if (conditions.length === 0) return [];
  const { name } = nameOf(node);
  // As in Kubernetes: events about nodes carry the name where other events have the uid.
  const about = { ...referenceTo(node, 'Node', 'v1'), uid: name };
  const message = `Node ${name} status is now: NodeNotReady`;
  return [
    {
      kind: 'patch',
      resource: NODES,
      name: nameOf(node),
      type: 'strategic-merge',
      body: { status: { conditions } },
      subresource: 'status',
      why: 'no sign of life',
      event: { about, type: 'Normal', reason: 'NodeNotReady', message },
    },
  ];
}

function taint(node: Node, readyState: string, nowMs: number): readonly Action[] {
  const before = node.spec?.taints ?? [];
  const wanted = wantedTaints(node, readyState);
  const after: Taint[] = [
    ...before.filter(({ key }) => !OURS.has(key)),
    ...wanted.map((taint) => {
      const known = before.find((old) => old.key === taint.key && old.effect === taint.effect);
      if (known !== undefined) return known;
      const timeAdded = withTransition({ status: '' }, undefined, nowMs).lastTransitionTime;
      return taint.effect === 'NoExecute' ? { ...taint, timeAdded } : taint;
    }),
  ];
  if (canonical(bySort(before)) === canonical(bySort(after))) return [];
  const { resourceVersion } = node.metadata ?? {};
  const body = { metadata: { resourceVersion }, spec: { taints: after } };
  const why = `taints: ${after.map(({ key, effect }) => `${key}:${effect}`).join(', ') || 'none'}`;
  return [{ kind: 'patch', resource: NODES, name: nameOf(node), type: 'merge', body, why }];
}

function bySort(taints: readonly Taint[]): readonly Taint[] {
  return [...taints].sort((a, b) => (`${a.key} ${a.effect}` < `${b.key} ${b.effect}` ? -1 : 1));
}

function wantedTaints(node: Node, readyState: string): readonly Taint[] {
  const both = (key: string): Taint[] => [
    { key, effect: 'NoSchedule' },
    { key, effect: 'NoExecute' },
  ];
  const conditions = node.status?.conditions ?? [];
  const pressure = Object.entries(PRESSURE)
    .filter(([type]) => conditions.some((c) => c.type === type && c.status === 'True'))
    .map(([, key]): Taint => ({ key, effect: 'NoSchedule' }));
  const unschedulable = node.spec?.unschedulable === true;
  return [
    ...(readyState === 'False' ? both(NOT_READY) : []),
    ...(readyState === 'Unknown' ? both(UNREACHABLE) : []),
    ...(unschedulable ? [{ key: UNSCHEDULABLE, effect: 'NoSchedule' }] : []),
    ...pressure,
  ];
}

/** Services must not send traffic to pods whose state is unknown. */
function markPods(node: string, view: View, nowMs: number): readonly Action[] {
  const isToldOf = (pod: Pod): boolean =>
    pod.spec?.nodeName === node && isReady(pod) && !isDeleting(pod);
  return sortedWhere(view.pods.values(), isToldOf).map((pod): Action => {
    const before = podCondition(pod, 'Ready');
    const condition = withTransition({ type: 'Ready', status: 'False' }, before, nowMs);
    const about = referenceTo(pod, 'Pod', 'v1');
    return {
      kind: 'patch',
      resource: PODS,
      name: nameOf(pod),
      type: 'strategic-merge',
      body: { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } },
      subresource: 'status',
      why: `node ${node} is not ready`,
      event: { about, type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' },
    };
  });
}
