import type { ContainerStatus, PodStatus } from '@nodeagent/kube-client';

/** Why a container waits that nothing is wrong with. */
const EXPECTED = new Set(['ContainerCreating', 'PodInitializing']);

/**
 * Whether a pod is only on its way: Pending as before, and no container has run or failed. Such a
 * status is overtaken within the moment that a start takes, so it may wait.
 */
export function isOnlyStarting(told: PodStatus, next: PodStatus): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = next;
  return (
    told.phase === 'Pending' &&
    next.phase === 'Pending' &&
    [...initContainerStatuses, ...containerStatuses].every(isUntouched)
  );
}

function isUntouched({ state, lastState, restartCount }: ContainerStatus): boolean {
  const reason = state?.waiting?.reason;
  const waits = state?.waiting !== undefined && (reason === undefined || EXPECTED.has(reason));
  return waits && lastState?.terminated === undefined && restartCount === 0;
}
