import { formatTimestamp } from '@nodeagent/base';
import type { PodCondition } from '@nodeagent/kube-client';

const TYPE = 'DisruptionTarget';

/**
 * Adds the condition DisruptionTarget, which lets controllers not count the end of this pod as its
 * own failure.
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
  const target: PodCondition = {
    type: TYPE,
    status: 'True',
    reason: 'TerminationByKubelet',
    message,
    lastTransitionTime: since ?? formatTimestamp(nowMs),
  };
  return [...conditions.filter(({ type }) => type !== TYPE), target];
}
