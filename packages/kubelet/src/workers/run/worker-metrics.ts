import type { Metrics } from '@nodeagent/base';

/** The reason for a step: the pod is new, changed, ending, or due for a resync. */
export type StepType = 'create' | 'update' | 'sync' | 'kill';

/** Called after each step of a worker. */
export type StepMeter = (type: StepType, durationMs: number) => void;

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, PodWorkerDuration */
export function createStepMeter(metrics: Metrics): StepMeter {
  const durations = metrics.histogram({
    name: 'kubelet_pod_worker_duration_seconds',
    help: 'Duration of one sync of a pod, by its reason.',
    labelNames: ['operation_type'],
    buckets: BUCKETS,
  });
  return (type, durationMs) => durations.observe(durationMs / 1000, { operation_type: type });
}
