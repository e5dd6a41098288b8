import type { Node, Pod } from '@nodeagent/kube-client';

import { amountsOf, podRequests } from '../controllers/index.js';
import { deepEqual } from '../model/object.js';

/** True when an update changes resources, which only the subresource `resize` may do. */
export function isResize(pod: Pod, before: Pod): boolean {
  return !deepEqual(resourcesOf(pod), resourcesOf(before));
}

/**
 * Returns the reason why a node can never grant the requested resources; the kubelet decides
 * whether it can grant them now. CPU in thousandths, memory in bytes.
 *
 * @see Kubernetes 1.36 plugin/pkg/admission/podresize/admission.go
 */
export function resizeProblem(pod: Pod, node: Node | undefined): string | undefined {
  if (node === undefined) return `node "${pod.spec?.nodeName}" not found`;
  // Requests of the pod as a whole replace those of its containers.
  const { limits, requests } = pod.spec?.resources ?? {};
  const asked = new Map([...podRequests(pod), ...amountsOf(limits), ...amountsOf(requests)]);
  const whole = amountsOf(node.status?.allocatable);
  const lacking = ['cpu', 'memory'].flatMap((name) => {
    const [requested, allocatable] = [asked.get(name) ?? 0, whole.get(name) ?? 0];
    if (requested <= allocatable) return [];
    return [`${name}, requested: ${requested}, allocatable: ${allocatable}`];
  });
  if (lacking.length === 0) return undefined;
  return `node didn't have enough allocatable resources: ${lacking.join('; ')}`;
}

function resourcesOf({ spec }: Pod): unknown {
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return [spec?.resources, ...all.map(({ resources }) => resources)];
}
