import { parseQuantity } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { qosClass } from '../../pod/index.js';

/** The parts of the node's configuration that can rule out a resize of running pods. */
export interface ResizeRules {
  /** Guaranteed pods get exclusive CPUs: static CPU manager policy. */
  readonly staticCpus: boolean;
  /** Guaranteed pods get memory from fixed NUMA nodes: static memory manager policy. */
  readonly staticMemory: boolean;
  /** The container may swap. */
  readonly maySwap: (pod: Pod, container: Container) => boolean;
}

/** The reason why a resize is impossible, and its label in the metric. */
export interface Infeasible {
  readonly message: string;
  readonly detail: string;
}

/**
 * @param desired the pod as its spec requests it
 * @param allocated the pod with its allocation
 * @returns undefined if only the free capacity of the node decides
 * @see Kubernetes 1.36 pkg/kubelet/allocation/handlers.go
 */
export function infeasibleResize(
  desired: Pod,
  allocated: Pod,
  rules: ResizeRules,
): Infeasible | undefined {
  const swaps = containersOf(desired).some((container) => {
    const before = containersOf(allocated).find(({ name }) => name === container.name);
    if (before === undefined || same(container, before, 'memory')) return false;
    const restarts = before.resizePolicy?.some(
      ({ resourceName, restartPolicy }) =>
        resourceName === 'memory' && restartPolicy === 'RestartContainer',
    );
    return (
      restarts !== true && (rules.maySwap(desired, container) || rules.maySwap(allocated, before))
    );
  });
  if (swaps) {
    return {
      message: 'In-place resize of containers with swap is not supported.',
      detail: 'swap_limitation',
    };
  }
  if (qosClass(desired) !== 'Guaranteed') return undefined;
  const changes = (name: string): boolean =>
    containersOf(desired).some((container) => {
      const before = containersOf(allocated).find((each) => each.name === container.name);
      return before === undefined || !same(container, before, name);
    });
  if (rules.staticCpus && changes('cpu')) {
    return {
      message: 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"',
      detail: 'guaranteed_pod_cpu_manager_static_policy',
    };
  }
  if (rules.staticMemory && changes('memory')) {
    return {
      message: 'Resize is infeasible for Guaranteed Pods alongside Memory Manager policy "Static"',
      detail: 'guaranteed_pod_memory_manager_static_policy',
    };
  }
  return undefined;
}

function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
}

function same(a: Container, b: Container, name: string): boolean {
  const request = ({ resources }: Container): bigint =>
    parseQuantity(resources?.requests?.[name] ?? '0') ?? 0n;
  return request(a) === request(b);
}
