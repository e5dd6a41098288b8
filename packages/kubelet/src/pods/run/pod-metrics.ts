import { type Clock, type Metrics, parseTimestamp } from '@nodeagent/base';
import type { Pod, PodStatus } from '@nodeagent/kube-client';

import type { ContainerRole } from '../model/action.js';
import { isStartError } from '../model/errors.js';
import { podUid } from '../model/pod-spec.js';
import type { PodReporter, PodRuntime } from '../ports.js';

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

const RESIZE_BUCKETS_MS = Array.from({ length: 10 }, (_, i) => 10 * 2 ** i);

/** The same runtime, counting the sandboxes and containers that were to be started, and were not. */
export function meterPodRuntime(runtime: PodRuntime, { metrics, clock }: MeterPorts): PodRuntime {
  const pods = metrics.counter({
    name: 'kubelet_started_pods_total',
    help: 'Sandboxes that were to be made.',
  });
  const podErrors = metrics.counter({
    name: 'kubelet_started_pods_errors_total',
    help: 'Sandboxes that could not be made.',
  });
  const containers = metrics.counter({
    name: 'kubelet_started_containers_total',
    help: 'Containers that were to be started, by type.',
    labelNames: ['container_type'],
  });
  const containerErrors = metrics.counter({
    name: 'kubelet_started_containers_errors_total',
    help: 'Containers that could not be started, by type and reason.',
    labelNames: ['container_type', 'code'],
  });
  const resizes = metrics.histogram({
    name: 'kubelet_pod_resize_duration_milliseconds',
    help: 'How long it took to give running containers other resources.',
    labelNames: ['success'],
    buckets: RESIZE_BUCKETS_MS,
  });
  return {
    observe: (uid, signal) => runtime.observe(uid, signal),
    noticed: (uid) => runtime.noticed(uid),
    lastSeen: (uid) => runtime.lastSeen(uid),
    listPods: (signal) => runtime.listPods(signal),
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
    createSandbox: async (pod, attempt, signal) => {
      pods.increment();
      try {
        return await runtime.createSandbox(pod, attempt, signal);
      } catch (error) {
        podErrors.increment();
        throw error;
      }
    },
    startContainer: async (request, signal) => {
      const labels = { container_type: CONTAINER_TYPE[request.role] };
      containers.increment(labels);
      try {
        return await runtime.startContainer(request, signal);
      } catch (error) {
        const code = isStartError(error) ? error.reason : 'RunContainerError';
        containerErrors.increment({ ...labels, code });
        throw error;
      }
    },
  };
}

/** Upper bounds in seconds, as upstream's. */
const START_BUCKETS = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 600, 3600];
const SEEN = 'kubernetes.io/config.seen';

/** The same reporter, measuring how long pods took from being seen, or made, to running. */
export function meterReporter(reporter: PodReporter, { metrics, clock }: MeterPorts): PodReporter {
  const sinceSeen = metrics.histogram({
    name: 'kubelet_pod_start_duration_seconds',
    help: 'From when the kubelet first saw a pod until it ran.',
    buckets: START_BUCKETS,
  });
  const sinceMade = metrics.histogram({
    name: 'kubelet_pod_start_total_duration_seconds',
    help: 'From when a pod was created until it ran.',
    buckets: START_BUCKETS,
  });
  /** Pods that were seen here before they ran. */
  const starting = new Set<string>();
  const note = (pod: Pod, { phase }: PodStatus): void => {
    const uid = podUid(pod);
    if (phase === 'Pending') {
      starting.add(uid);
    } else if (starting.delete(uid) && phase === 'Running') {
      const nowMs = clock.nowMs();
      const seenMs = parseTimestamp(pod.metadata?.annotations?.[SEEN] ?? '');
      const madeMs = parseTimestamp(String(pod.metadata?.creationTimestamp ?? ''));
      if (seenMs !== undefined) sinceSeen.observe(Math.max(0, nowMs - seenMs) / 1000);
      if (madeMs !== undefined) sinceMade.observe(Math.max(0, nowMs - madeMs) / 1000);
    }
  };
  return {
    report: (facts) => {
      const status = reporter.report(facts);
      note(facts.pod, status);
      return status;
    },
    finish: (pod) => {
      starting.delete(podUid(pod));
      reporter.finish(pod);
    },
    forget: (uid) => {
      starting.delete(uid);
      reporter.forget(uid);
    },
  };
}
