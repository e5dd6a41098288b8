import type { Metrics } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podUid } from '../../pod/index.js';
import type { PullRecordKind } from '../ports.js';

/** One completed pull for a pod; times are monotonic. */
export interface PullReport {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly sizeBytes: number;
}

/** A request to make an image present; a figure is unknown if the request failed before. */
export interface EnsureReport {
  /** As the pod has it: `IfNotPresent`. */
  readonly policy: string;
  readonly presentLocally?: boolean;
  readonly pullRequired?: boolean;
}

/** Outcome of a check whether a pod may use a present image. */
export type MustPullResult =
  'credentialPolicyAllowed' | 'credentialRecordFound' | 'mustAuthenticate' | 'error';

/** Measures pulls, and reports how long a starting pod waited for its images. */
export interface PullMeter {
  pulled(pod: Pod, report: PullReport): void;
  ensured(report: EnsureReport): void;
  checked(result: MustPullResult): void;
  /** @param count records of that kind on disk */
  recorded(kind: PullRecordKind, count: number): void;
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
  const requests = metrics.counter({
    name: 'kubelet_image_manager_ensure_image_requests_total',
    help: 'Requests to make an image present, by pull policy.',
    labelNames: ['pull_policy', 'present_locally', 'pull_required'],
  });
  const checks = metrics.counter({
    name: 'kubelet_imagemanager_image_mustpull_checks_total',
    help: 'Checks whether a pod may use a present image without a pull, by result.',
    labelNames: ['result'],
  });
  const intents = metrics.gauge({
    name: 'kubelet_imagemanager_ondisk_pullintents',
    help: 'Records of pulls in progress on disk.',
  });
  const records = metrics.gauge({
    name: 'kubelet_imagemanager_ondisk_pulledrecords',
    help: 'Records of pulled images on disk.',
  });
  const spans = new Map<string, Readonly<{ startedMs: number; endedMs: number }>>();
  return {
    pulled: (pod, { startedMs, endedMs, sizeBytes }) => {
      const [, size = '0-10MB'] = SIZES.find(([least]) => sizeBytes >= least) ?? [];
      durations.observe((endedMs - startedMs) / 1000, { image_size_in_bytes: size });
      const earlier = spans.get(podUid(pod));
      spans.set(podUid(pod), { startedMs: earlier?.startedMs ?? startedMs, endedMs });
    },
    ensured: ({ policy, presentLocally, pullRequired }) =>
      requests.increment({
        pull_policy: policy.toLowerCase(),
        present_locally: String(presentLocally ?? 'unknown'),
        pull_required: String(pullRequired ?? 'unknown'),
      }),
    checked: (result) => checks.increment({ result }),
    recorded: (kind, count) => (kind === 'pulling' ? intents : records).set(count),
    pullingMs: (uid) => {
      const { startedMs, endedMs } = spans.get(uid) ?? { startedMs: 0, endedMs: 0 };
      return endedMs - startedMs;
    },
    forget: (uid) => void spans.delete(uid),
  };
}
