import type { ContainerStatus, PodStatus } from '@nodeagent/kube-client';

/** Waiting reasons of a normal start. */
const EXPECTED = new Set(['ContainerCreating', 'PodInitializing']);

/**
 * True if the pod is only starting: still Pending, and no container has run or failed. Such a
 * status is outdated as soon as the containers run, so its write may wait.
 */
export function isOnlyStarting(held: PodStatus, next: PodStatus): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = next;
  return (
    held.phase === 'Pending' &&
    next.phase === 'Pending' &&
    [...initContainerStatuses, ...containerStatuses].every(isUntouched)
  );
}

function isUntouched({ state, lastState, restartCount }: ContainerStatus): boolean {
  const reason = state?.waiting?.reason;
  const waits = state?.waiting !== undefined && (reason === undefined || EXPECTED.has(reason));
  return waits && lastState?.terminated === undefined && restartCount === 0;
}
