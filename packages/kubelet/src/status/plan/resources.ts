import { formatQuantity } from '@nodeagent/base';
import type { Container, Pod, PodStatus } from '@nodeagent/kube-client';

import { type Amounts, podLimits, podRequests } from '../../pod/index.js';

/** What the cgroup of a pod knows about. */
const IN_CGROUP = new Set(['cpu', 'memory']);

/**
 * What the pod as a whole asked for and has. While it runs that is what its cgroup holds: of CPU and
 * memory, and a limit only where every container has one.
 *
 * @param runs whether its phase is Running
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

/** In powers of 1024 where the pod is written so, as the API server would add them up. */
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
 * Names are users': `__proto__` and `constructor` are resources like any other. A quantity that is
 * given as a number is text here.
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
