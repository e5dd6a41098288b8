import type { Metrics } from '@nodeagent/base';

/** Pods that one turn of housekeeping found without a source. */
export interface CleanUp {
  readonly pods: number;
  /** Those that an earlier turn could not remove. */
  readonly failed: number;
}

/** @see Kubernetes 1.36 pkg/kubelet/kubelet_volumes.go, cleanupOrphanedPodDirs */
export function createOrphanMeter(metrics: Metrics): (found: CleanUp) => void {
  const cleaned = metrics.gauge({
    name: 'kubelet_orphan_pod_cleaned_volumes',
    help: 'Pods without a source that the last turn of housekeeping found on disk.',
  });
  const errors = metrics.gauge({
    name: 'kubelet_orphan_pod_cleaned_volumes_errors',
    help: 'Those of them whose files an earlier turn could not remove.',
  });
  return ({ pods, failed }) => {
    cleaned.set(pods);
    errors.set(failed);
  };
}
