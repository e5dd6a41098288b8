import { type Pod, PODS } from '@nodeagent/kube-client';

import type { Fixture } from './fixture.ts';
import { conditionOf, statusOf } from './pods.ts';

const never = new AbortController().signal;

export interface Amounts {
  readonly cpu: string;
  readonly memory: string;
}

export const guaranteed = (cpu: string, memory: string) => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});

export const patchOf = (name: string, resources: object): object => ({
  spec: { containers: [{ name, resources }] },
});

export async function resize(
  e2e: Fixture,
  pod: string,
  container: string,
  resources: object,
): Promise<Pod> {
  const body = patchOf(container, resources);
  const patch = { type: 'strategic-merge', body, subresource: 'resize' } as const;
  return e2e.client.patch(PODS, { namespace: e2e.namespace, name: pod }, patch, never);
}

/** The allocated and the actual resources in its status. */
export function isGiven(container: string, amounts: Amounts): (pod: Pod) => boolean {
  return (pod) => {
    const { allocatedResources, resources } = statusOf(pod, container) ?? {};
    const all = [allocatedResources, resources?.requests, resources?.limits];
    const isSettled =
      conditionOf(pod, 'PodResizePending') === '' && conditionOf(pod, 'PodResizeInProgress') === '';
    return (
      isSettled &&
      all.every((each) => each?.['cpu'] === amounts.cpu && each['memory'] === amounts.memory)
    );
  };
}
