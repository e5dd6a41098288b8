import { parseTimestamp } from '@nodeagent/base';
import type { Pod, PodStatus } from '@nodeagent/kube-client';

import type { FailureVerdict } from '../../pod/index.js';

/** @see Kubernetes 1.36 pkg/kubelet/active_deadline.go */
export const DEADLINE_EXCEEDED: FailureVerdict = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

/**
 * Milliseconds that the pod may still be active; 0 once they are used up, undefined without a
 * limit.
 */
export function deadlineLeftMs(pod: Pod, status: PodStatus, nowMs: number): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const startedMs = parseTimestamp(status.startTime ?? '');
  if (seconds === undefined || startedMs === undefined) return undefined;
  return Math.max(0, startedMs + seconds * 1000 - nowMs);
}
