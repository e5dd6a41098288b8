import { formatTimestamp } from '@nodeagent/base';
import type { PodCondition } from '@nodeagent/kube-client';

const TYPE = 'DisruptionTarget';

/**
 * The conditions with the one that tells controllers that the pod is ended for the sake of others,
 * so that they do not count it as a failure of its own.
 *
 * @see Kubernetes 1.36 pkg/kubelet/preemption/preemption.go, pkg/kubelet/eviction/eviction_manager.go
 */
export function withDisruption(
  conditions: readonly PodCondition[],
  message: string | undefined,
  nowMs: number,
): PodCondition[] {
  if (message === undefined) return [...conditions];
  const before = conditions.find(({ type }) => type === TYPE);
  const since = before?.status === 'True' ? before.lastTransitionTime : undefined;
  const told: PodCondition = {
    type: TYPE,
    status: 'True',
    reason: 'TerminationByKubelet',
    message,
    lastTransitionTime: since ?? formatTimestamp(nowMs),
  };
  return [...conditions.filter(({ type }) => type !== TYPE), told];
}
