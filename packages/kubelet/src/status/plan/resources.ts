import { formatQuantity } from '@nodeagent/base';
import type { Container, Pod, PodStatus } from '@nodeagent/kube-client';

import { type Amounts, podLimits, podRequests } from '../../pod/index.js';

/** Resources that a pod's cgroup limits. */
const IN_CGROUP = new Set(['cpu', 'memory']);

/**
 * The requested and the actual resources of the pod as a whole. While the pod runs, the actual ones
 * are those of its cgroup: CPU and memory only, and a limit only if every container has one.
 *
 * @param runs true if the pod's phase is Running
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, convertToAPIPodLevelResourcesStatus
 */
export function resourceFields(
  pod: Pod,
  runs: boolean,
): Pick<PodStatus, 'allocatedResources' | 'resources'> {
  const asked = podRequests(pod);
  const limited = podLimits(pod);
  const inCgroup = ([name]: readonly [string, bigint]): boolean => IN_CGROUP.has(name);
  const requests = runs ? new Map([...asked].filter(inCgroup)) : asked;
  const limits = runs ? new Map([...limited].filter(inCgroup).filter(limitsAll(pod))) : limited;
  return {
    ...(asked.size > 0 && { allocatedResources: texts(pod, asked) }),
    resources: {
      ...(limits.size > 0 && { limits: texts(pod, limits) }),
      ...(requests.size > 0 && { requests: texts(pod, requests) }),
    },
  };
}

function limitsAll(pod: Pod): (entry: readonly [string, bigint]) => boolean {
  const { resources } = pod.spec ?? {};
  return ([name]) =>
    amountOf(resources?.limits, name) !== undefined ||
    containersOf(pod).every(({ resources: own }) => amountOf(own?.limits, name) !== undefined);
}

/** Uses units of 1024 if the pod's own quantities do, as the API server's sums would. */
function texts(pod: Pod, amounts: Amounts): Record<string, string> {
  const { resources } = pod.spec ?? {};
  const given = [resources, ...containersOf(pod).map((container) => container.resources)];
  const isBinary = (name: string): boolean =>
    given.some((each) =>
      [each?.requests, each?.limits].some((amounts) => amountOf(amounts, name)?.endsWith('i')),
    );
  return Object.fromEntries(
    [...amounts].map(([name, amount]) => [
      name,
      formatQuantity(amount, isBinary(name) ? 'binary' : 'decimal'),
    ]),
  );
}

/**
 * Users choose resource names, so `__proto__` and `constructor` must work like any other. A
 * quantity given as a number is converted to text.
 */
function amountOf(
  amounts: Readonly<Record<string, string | number>> | undefined,
  name: string,
): string | undefined {
  return amounts !== undefined && Object.hasOwn(amounts, name) ? String(amounts[name]) : undefined;
}

function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}
