import { DEFAULT_BUCKETS, type Metrics } from '@nodeagent/base';

/** The reason for a step: the pod is new, changed, ending, or due for a resync. */
export type StepType = 'create' | 'update' | 'sync' | 'kill';

/** Called after each step of a worker. */
export type StepMeter = (type: StepType, durationMs: number) => void;

/** @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, PodWorkerDuration */
export function createStepMeter(metrics: Metrics): StepMeter {
  const durations = metrics.histogram({
    name: 'kubelet_pod_worker_duration_seconds',
    help: 'Duration of one sync of a pod, by its reason.',
    labelNames: ['operation_type'],
    buckets: DEFAULT_BUCKETS,
  });
  return (type, durationMs) => durations.observe(durationMs / 1000, { operation_type: type });
}
