import {
  type Clock,
  type Counter,
  createCallMeter,
  type Metrics,
  parseTimestamp,
} from '@nodeagent/base';
import type { Pod, PodStatus } from '@nodeagent/kube-client';

import {
  type ContainerRole,
  isStartError,
  type PodReporter,
  type PodRuntime,
  podUid,
} from '../../pod/index.js';
import { seenMs } from './worker-metrics.js';

export interface MeterPorts {
  readonly metrics: Metrics;
  readonly clock: Clock;
}

const CONTAINER_TYPE: Readonly<Record<ContainerRole, string>> = {
  init: 'init_container',
  sidecar: 'init_container',
  regular: 'container',
  ephemeral: 'ephemeral_container',
};

const RESIZE_BUCKETS_MS = [
  ...[10, 50, 100, 500, 1000, 2000, 5000],
  ...[10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000],
];

/** Wraps a runtime: counts attempts and failures to start sandboxes and containers. */
export function meterPodRuntime(runtime: PodRuntime, { metrics, clock }: MeterPorts): PodRuntime {
  const starting = createCallMeter(clock, {
    total: metrics.counter({
      name: 'kubelet_started_pods_total',
      help: 'Attempts to create a pod sandbox.',
    }),
    errors: metrics.counter({
      name: 'kubelet_started_pods_errors_total',
      help: 'Failed attempts to create a pod sandbox.',
    }),
  });
  const isolated = createCallMeter(clock, {
    total: metrics.counter({
      name: 'kubelet_started_user_namespaced_pods_total',
      help: 'Attempts to create the sandbox of a pod with a user namespace.',
    }),
    errors: metrics.counter({
      name: 'kubelet_started_user_namespaced_pods_errors_total',
      help: 'Failed attempts to create the sandbox of a pod with a user namespace.',
    }),
  });
  const startingContainer = createCallMeter(clock, {
    total: metrics.counter({
      name: 'kubelet_started_containers_total',
      help: 'Attempts to start a container, by type.',
      labelNames: ['container_type'],
    }),
    errors: metrics.counter({
      name: 'kubelet_started_containers_errors_total',
      help: 'Failed attempts to start a container, by type and reason.',
      labelNames: ['container_type', 'code'],
    }),
    errorLabels: (error) => ({ code: isStartError(error) ? error.reason : 'RunContainerError' }),
  });
  const resizes = metrics.histogram({
    name: 'kubelet_pod_resize_duration_milliseconds',
    help: 'Duration of resizes of running containers.',
    labelNames: ['success'],
    buckets: RESIZE_BUCKETS_MS,
  });
  return {
    stopContainer: (request, signal) => runtime.stopContainer(request, signal),
    stopSandbox: (id, signal) => runtime.stopSandbox(id, signal),
    resizePod: async (request, signal) => {
      const startedMs = clock.monotonicMs();
      let success = false;
      try {
        await runtime.resizePod(request, signal);
        success = true;
      } finally {
        const labels = { success: String(success) };
        resizes.observe(clock.monotonicMs() - startedMs, labels);
      }
    },
    removeContainer: (id, logs, signal) => runtime.removeContainer(id, logs, signal),
    removeSandbox: (id, signal) => runtime.removeSandbox(id, signal),
    createSandbox: (pod, attempt, signal) => {
      const create = () => starting({}, () => runtime.createSandbox(pod, attempt, signal));
      return pod.spec?.hostUsers === false ? isolated({}, create) : create();
    },
    startContainer: (request, signal) =>
      startingContainer({ container_type: CONTAINER_TYPE[request.role] }, () =>
        runtime.startContainer(request, signal),
      ),
  };
}

/** Upper bounds in seconds, as upstream's. */
const START_BUCKETS = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800,
  2700, 3600,
];

/** The time that pods spent on pulling images. */
export interface PullTimes {
  pullingMs(podUid: string): number;
  forget(podUid: string): void;
}

export interface ReporterMeterPorts extends MeterPorts {
  /** If absent, pods count as having pulled nothing. */
  readonly pulls?: PullTimes | undefined;
}

/**
 * Wraps a reporter: measures the time from a pod's first sight and from its creation until it runs,
 * and counts the containers that ended.
 */
export function meterReporter(
  reporter: PodReporter,
  { metrics, clock, pulls }: ReporterMeterPorts,
): PodReporter {
  const sinceSeen = metrics.histogram({
    name: 'kubelet_pod_start_duration_seconds',
    help: 'Time from the first sight of a pod by the kubelet until the pod ran.',
    buckets: START_BUCKETS,
  });
  const sinceMade = metrics.histogram({
    name: 'kubelet_pod_start_total_duration_seconds',
    help: 'Time from the creation of a pod until it ran.',
    buckets: START_BUCKETS,
  });
  const ownShare = metrics.histogram({
    name: 'kubelet_pod_start_sli_duration_seconds',
    help: 'Time from the first sight of a pod by the kubelet until it ran, without image pulls and init containers.',
    buckets: START_BUCKETS,
  });
  const ends = new ContainerEnds(metrics);
  /** Pods that were seen before they ran. */
  const starting = new Set<string>();
  const note = (pod: Pod, status: PodStatus): void => {
    const uid = podUid(pod);
    const { phase } = status;
    ends.note(uid, status);
    if (phase === 'Pending') {
      starting.add(uid);
    } else if (starting.delete(uid) && phase === 'Running') {
      const nowMs = clock.nowMs();
      const sinceMs = seenMs(pod);
      const madeMs = parseTimestamp(pod.metadata?.creationTimestamp ?? '');
      if (sinceMs !== undefined) sinceSeen.observe(Math.max(0, nowMs - sinceMs) / 1000);
      if (madeMs === undefined) return;
      const tookMs = nowMs - madeMs;
      sinceMade.observe(Math.max(0, tookMs) / 1000);
      const othersMs = (pulls?.pullingMs(uid) ?? 0) + initialisingMs(status);
      ownShare.observe(Math.max(0, tookMs - othersMs) / 1000);
    }
  };
  const forget = (uid: string): void => {
    starting.delete(uid);
    ends.forget(uid);
    pulls?.forget(uid);
  };
  return {
    report: (facts) => {
      const status = reporter.report(facts);
      note(facts.pod, status);
      return status;
    },
    finish: (pod) => {
      forget(podUid(pod));
      reporter.finish(pod);
    },
    seen: (pod) => reporter.seen(pod),
    forget: (uid) => {
      forget(uid);
      reporter.forget(uid);
    },
  };
}

/** Total run time of the init containers that have ended; they run one after the other. */
function initialisingMs({ initContainerStatuses = [] }: PodStatus): number {
  return initContainerStatuses.reduce((sum, { state }) => {
    const { startedAt, finishedAt } = state?.terminated ?? {};
    const [fromMs, toMs] = [startedAt, finishedAt].map((at) => parseTimestamp(at ?? ''));
    return fromMs === undefined || toMs === undefined ? sum : sum + Math.max(0, toMs - fromMs);
  }, 0);
}

/** Counts each end of a container once, without those from before this kubelet started. */
class ContainerEnds {
  readonly #total: Counter;
  /** Ids of ended containers, by pod. */
  readonly #known = new Map<string, Set<string>>();

  constructor(metrics: Metrics) {
    this.#total = metrics.counter({
      name: 'kubelet_terminated_containers_total',
      help: 'Containers that ended, by type, exit code and reason.',
      labelNames: ['container_type', 'exit_code', 'reason'],
    });
  }

  note(uid: string, status: PodStatus): void {
    const known = this.#known.get(uid);
    const now = new Set<string>();
    for (const [type, statuses = []] of [
      ['container', status.containerStatuses],
      ['init_container', status.initContainerStatuses],
      ['ephemeral_container', status.ephemeralContainerStatuses],
    ] as const) {
      for (const { state, lastState } of statuses) {
        for (const end of [state?.terminated, lastState?.terminated]) {
          const { containerID = '', exitCode, reason = '' } = end ?? {};
          if (containerID === '' || now.has(containerID)) continue;
          now.add(containerID);
          if (known === undefined || known.has(containerID)) continue;
          this.#total.increment({ container_type: type, exit_code: String(exitCode), reason });
        }
      }
    }
    this.#known.set(uid, now);
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }
}
