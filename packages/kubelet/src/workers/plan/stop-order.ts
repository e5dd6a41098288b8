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
  /** Ids of the containers that must end before this one gets its stop signal. */
  readonly after: readonly string[];
}

/**
 * Every part of the pod that may run, each with the containers that it must wait for: sidecars end
 * after all regular containers, in the reverse of their start order.
 *
 * @param pod undefined for a pod that only the runtime knows
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
    // The runtime's annotations show whether a pod that only the runtime knows has a hook.
    const preStop = pod === undefined || spec?.lifecycle?.preStop !== undefined;
    return { container, preStop, after };
  });
}
