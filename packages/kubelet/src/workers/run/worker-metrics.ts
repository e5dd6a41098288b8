import { type Clock, DEFAULT_BUCKETS, type Metrics, parseTimestamp } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

/** The reason for a step: the pod is new, changed, ending, or due for a resync. */
export type StepType = 'create' | 'update' | 'sync' | 'kill';

/** Called after each step of a worker. */
export type StepMeter = (type: StepType, durationMs: number, pod: Pod) => void;

/** The time at which the kubelet saw a pod for the first time. */
const SEEN = 'kubernetes.io/config.seen';

export function seenMs(pod: Pod): number | undefined {
  return parseTimestamp(pod.metadata?.annotations?.[SEEN] ?? '');
}

/**
 * @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, PodWorkerDuration, PodWorkerStartDuration,
 *   ContainersPerPodCount
 */
export function createStepMeter(metrics: Metrics, clock: Clock): StepMeter {
  const durations = metrics.histogram({
    name: 'kubelet_pod_worker_duration_seconds',
    help: 'Duration of one sync of a pod, by its reason.',
    labelNames: ['operation_type'],
    buckets: DEFAULT_BUCKETS,
  });
  const starts = metrics.histogram({
    name: 'kubelet_pod_worker_start_duration_seconds',
    help: 'Time from the first sight of a pod until its worker began.',
    buckets: DEFAULT_BUCKETS,
  });
  const containers = metrics.histogram({
    name: 'kubelet_containers_per_pod_count',
    help: 'Number of containers of each new pod.',
    buckets: [1, 2, 4, 8, 16],
  });
  return (type, durationMs, pod) => {
    durations.observe(durationMs / 1000, { operation_type: type });
    if (type !== 'create') return;
    containers.observe(pod.spec?.containers.length ?? 0);
    const sinceMs = seenMs(pod);
    if (sinceMs === undefined) return;
    starts.observe(Math.max(0, clock.nowMs() - durationMs - sinceMs) / 1000);
  };
}
