import type { Pod } from '@nodeagent/kube-client';

import {
  type ContainerObservation,
  findContainer,
  initContainers,
  type PodObservation,
} from '../../pod/index.js';

export interface StopTarget {
  readonly container: ContainerObservation;
  readonly preStop: boolean;
  /** Ids of the containers that have to end before this one gets its stop signal. */
  readonly after: readonly string[];
}

/**
 * Everything of the pod that may run, with who has to wait for whom: sidecars end after all regular
 * containers, and in the reverse of the order in which they were started.
 *
 * @param pod undefined for a pod of which only the runtime knows
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_termination_order.go
 */
export function stopOrder(pod: Pod | undefined, seen: PodObservation): readonly StopTarget[] {
  const running = seen.containers.filter(
    ({ state }) => state.kind === 'running' || state.kind === 'unknown',
  );
  const order = pod === undefined ? [] : initContainers(pod);
  const rankOf = ({ name }: ContainerObservation): number =>
    order.findIndex(({ role, spec }) => role === 'sidecar' && spec.name === name);
  return running.map((container) => {
    const rank = rankOf(container);
    const spec = pod && findContainer(pod, container.name)?.spec;
    const after =
      rank < 0
        ? []
        : running.filter((other) => rankOf(other) < 0 || rankOf(other) > rank).map(({ id }) => id);
    // Of a pod that only the runtime knows, the runtime was told whether there is a hook.
    const preStop = pod === undefined || spec?.lifecycle?.preStop !== undefined;
    return { container, preStop, after };
  });
}
