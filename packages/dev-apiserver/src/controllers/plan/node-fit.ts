import { matchesNodeTerms, type Node, type Pod } from '@nodeagent/kube-client';

import { addAmounts, type Amounts, amountsOf, podRequests } from './pod-requests.js';
import { untolerated } from './tolerations.js';

/** A node and the resources taken on it; updated as pods are placed. */
export interface Room {
  readonly node: Node;
  readonly allocatable: Amounts;
  readonly taken: Map<string, number>;
  /** `TCP/0.0.0.0:80`. */
  readonly hostPorts: { readonly protocol: string; readonly ip: string; readonly port: number }[];
  /** Number of pods per controller uid, used to spread replicas. */
  readonly siblings: Map<string, number>;
}

export function emptyRoom(node: Node): Room {
  const allocatable = amountsOf(node.status?.allocatable ?? node.status?.capacity);
  return { node, allocatable, taken: new Map(), hostPorts: [], siblings: new Map() };
}

export function place(room: Room, pod: Pod): void {
  addAmounts(room.taken, podRequests(pod));
  room.hostPorts.push(...hostPortsOf(pod));
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  if (owner !== undefined) room.siblings.set(owner.uid, (room.siblings.get(owner.uid) ?? 0) + 1);
}

/**
 * Returns the reason why a pod cannot run on a node, in the words of Kubernetes' scheduler;
 * undefined when it can.
 *
 * @see Kubernetes 1.36 pkg/scheduler/framework/plugins
 */
export function whyNot(pod: Pod, room: Room): string | undefined {
  const { node } = room;
  const tolerations = pod.spec?.tolerations ?? [];
  const unschedulable = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  if (node.spec?.unschedulable === true) {
    if (untolerated([unschedulable], tolerations, ['NoSchedule']) !== undefined) {
      return 'node(s) were unschedulable';
    }
  }
  const taint = untolerated(node.spec?.taints ?? [], tolerations, ['NoSchedule', 'NoExecute']);
  if (taint !== undefined) {
    return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  }
  if (!matchesNode(pod, node)) return "node(s) didn't match Pod's node affinity/selector";
  if (hostPortsOf(pod).some((port) => room.hostPorts.some((taken) => clash(port, taken)))) {
    return "node(s) didn't have free ports for the requested pod ports";
  }
  return whyTooSmall(podRequests(pod), room);
}

function whyTooSmall(requests: Amounts, { allocatable, taken }: Room): string | undefined {
  for (const [name, amount] of requests) {
    if (amount === 0) continue;
    const free = (allocatable.get(name) ?? 0) - (taken.get(name) ?? 0);
    if (amount > free) return name === 'pods' ? 'Too many pods' : `Insufficient ${name}`;
  }
  return undefined;
}

/** True for a node that the pod's selector and its required affinity allow. */
export function matchesNode({ spec }: Pick<Pod, 'spec'>, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  const wanted = Object.entries(spec?.nodeSelector ?? {});
  if (wanted.some(([key, value]) => labels[key] !== value)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeTerms(required.nodeSelectorTerms, node);
}

function hostPortsOf(pod: Pod): Room['hostPorts'] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, protocol = 'TCP', hostIP }) =>
      hostPort === undefined || hostPort === 0
        ? []
        : [
            {
              protocol,
              ip: hostIP === undefined || hostIP === '' ? '0.0.0.0' : hostIP,
              port: hostPort,
            },
          ],
    ),
  );
}

function clash(a: Room['hostPorts'][number], b: Room['hostPorts'][number]): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}
