import type { Metrics } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podUid } from '../../pod/index.js';

/** One completed pull for a pod; times are monotonic. */
export interface PullReport {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly sizeBytes: number;
}

/** Measures pulls, and reports how long a starting pod waited for its images. */
export interface PullMeter {
  pulled(pod: Pod, report: PullReport): void;
  /** Time from the start of the pod's first pull to the end of its last; 0 without pulls. */
  pullingMs(podUid: string): number;
  forget(podUid: string): void;
}

/** Upper bounds in seconds, the same as upstream's. */
const BUCKETS = [
  1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];

const [MIB, GIB] = [2 ** 20, 2 ** 30];

/**
 * Label values by minimum size of the image. @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go
 */
const SIZES: readonly (readonly [number, string])[] = [
  [100 * GIB, 'GT100GB'],
  [60 * GIB, '60GB-100GB'],
  [40 * GIB, '40GB-60GB'],
  [30 * GIB, '30GB-40GB'],
  [20 * GIB, '20GB-30GB'],
  [10 * GIB, '10GB-20GB'],
  [5 * GIB, '5GB-10GB'],
  [GIB, '1GB-5GB'],
  [500 * MIB, '500MB-1GB'],
  [100 * MIB, '100MB-500MB'],
  [10 * MIB, '10MB-100MB'],
];

export function createPullMeter(metrics: Metrics): PullMeter {
  const durations = metrics.histogram({
    name: 'kubelet_image_pull_duration_seconds',
    help: 'Duration of image pulls in seconds, by image size.',
    labelNames: ['image_size_in_bytes'],
    buckets: BUCKETS,
  });
  const spans = new Map<string, Readonly<{ startedMs: number; endedMs: number }>>();
  return {
    pulled: (pod, { startedMs, endedMs, sizeBytes }) => {
      const [, size = '0-10MB'] = SIZES.find(([least]) => sizeBytes >= least) ?? [];
      durations.observe((endedMs - startedMs) / 1000, { image_size_in_bytes: size });
      const earlier = spans.get(podUid(pod));
      spans.set(podUid(pod), { startedMs: earlier?.startedMs ?? startedMs, endedMs });
    },
    pullingMs: (uid) => {
      const { startedMs, endedMs } = spans.get(uid) ?? { startedMs: 0, endedMs: 0 };
      return endedMs - startedMs;
    },
    forget: (uid) => void spans.delete(uid),
  };
}
