import type { Metrics } from '@nodeagent/base';

/** Why a pod was looked at: it is new, it changed, it is on its way out, or it was time to. */
export type StepType = 'create' | 'update' | 'sync' | 'kill';

/** Told each time when a worker has looked at its pod. */
export type StepMeter = (type: StepType, durationMs: number) => void;

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, PodWorkerDuration */
export function createStepMeter(metrics: Metrics): StepMeter {
  const durations = metrics.histogram({
    name: 'kubelet_pod_worker_duration_seconds',
    help: 'How long it took to bring a pod closer to what it should be, by why that was done.',
    labelNames: ['operation_type'],
    buckets: BUCKETS,
  });
  return (type, durationMs) => durations.observe(durationMs / 1000, { operation_type: type });
}
