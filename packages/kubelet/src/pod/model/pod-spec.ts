import type { Container, Pod } from '@nodeagent/kube-client';

import type { ContainerRole } from './action.js';
import { type PodUid, toPodUid } from './pod-names.js';

export interface RoledContainer {
  readonly role: ContainerRole;
  readonly spec: Container;
}

/** The source of the pod: `api`, `file` or `http`. */
export const SOURCE_ANNOTATION = 'kubernetes.io/config.source';
/** The time at which this kubelet first saw the pod. */
export const SEEN_ANNOTATION = 'kubernetes.io/config.seen';
/** A static pod's uid, which changes with its manifest. */
export const HASH_ANNOTATION = 'kubernetes.io/config.hash';
/** On a mirror pod: the hash of the static pod that it represents. */
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/**
 * The pod's uid; every accepted pod has one.
 *
 * @throws {RangeError} for a pod that should have been refused
 */
export function podUid(pod: Pod): PodUid {
  return toPodUid(pod.metadata?.uid ?? '');
}

export function podName(pod: Pod): string {
  return pod.metadata?.name ?? '';
}

export function podNamespace(pod: Pod): string {
  return pod.metadata?.namespace ?? 'default';
}

/** `web_default(0d1c…)`: the name of a pod in messages. */
export function podLabel(pod: Pod): string {
  return `${podName(pod)}_${podNamespace(pod)}(${podUid(pod)})`;
}

/** `web_default`; the node runs only one pod of a name at any time. */
export function podFullName(pod: Pod): string {
  return `${podName(pod)}_${podNamespace(pod)}`;
}

/** Created from a file or URL on this node, not by the API server. */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata?.annotations?.[SOURCE_ANNOTATION];
  return source !== undefined && source !== 'api';
}

/** The API server's copy of a static pod. */
export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined;
}

/** @see Kubernetes 1.36 pkg/apis/scheduling/types.go, SystemCriticalPriority */
const CRITICAL_PRIORITY = 2_000_000_000;

/** The node or the cluster does not work without it. */
export function isCritical(pod: Pod): boolean {
  return isStaticPod(pod) || isMirrorPod(pod) || (pod.spec?.priority ?? 0) >= CRITICAL_PRIORITY;
}

export function isDeleting(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

export function isHostNetwork(pod: Pod): boolean {
  return pod.spec?.hostNetwork === true;
}

/** A phase that a pod never leaves. */
export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** An init container that keeps running beside the regular ones. */
export function isSidecar(init: Container): boolean {
  return init.restartPolicy === 'Always';
}

/** A kubelet has accepted the pod and started it: only a kubelet sets container statuses. */
export function isAccepted({ status }: Pod): boolean {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return statuses.length > 0 && !isTerminalPhase(status?.phase);
}

/** Init containers and sidecars in the order of the spec. */
export function initContainers(pod: Pod): readonly RoledContainer[] {
  return (pod.spec?.initContainers ?? []).map((spec) => ({
    role: isSidecar(spec) ? 'sidecar' : 'init',
    spec,
  }));
}

export function regularContainers(pod: Pod): readonly RoledContainer[] {
  return (pod.spec?.containers ?? []).map((spec) => ({ role: 'regular', spec }));
}

export function ephemeralContainers(pod: Pod): readonly RoledContainer[] {
  return (pod.spec?.ephemeralContainers ?? []).map((spec) => ({ role: 'ephemeral', spec }));
}

export function allContainers(pod: Pod): readonly RoledContainer[] {
  return [...initContainers(pod), ...regularContainers(pod), ...ephemeralContainers(pod)];
}

export function findContainer(pod: Pod, name: string): RoledContainer | undefined {
  return allContainers(pod).find(({ spec }) => spec.name === name);
}
