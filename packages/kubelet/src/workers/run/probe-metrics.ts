import { DEFAULT_BUCKETS, type Metrics } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';
import { type AttemptReport, PROBE_KINDS, type ProbeKind } from '@nodeagent/probes';

import { podName, podNamespace, podUid } from '../../pod/index.js';

export const PROBE_WORD: Readonly<Record<ProbeKind, string>> = {
  liveness: 'Liveness',
  readiness: 'Readiness',
  startup: 'Startup',
};

const RESULTS = ['successful', 'failed'] as const;

/** The series of a container live as long as its pod. */
export interface ProbeMeter {
  attempted(pod: Pod, container: string, report: AttemptReport): void;
  forget(pod: Pod, containers: Iterable<string>): void;
}

/**
 * Counts attempts by result. An attempt that ended in an error has no result and is not counted.
 * Upstream declares a third result, `unknown`, but no attempt there ever has it.
 *
 * @see Kubernetes 1.36 pkg/kubelet/prober/worker.go, prober.go
 */
export function createProbeMeter(metrics: Metrics): ProbeMeter {
  const total = metrics.counter({
    name: 'prober_probe_total',
    help: 'Probe attempts, by result.',
    labelNames: ['probe_type', 'result', 'container', 'pod', 'namespace', 'pod_uid'],
  });
  const durations = metrics.histogram({
    name: 'prober_probe_duration_seconds',
    help: 'Duration of successful probe attempts.',
    labelNames: ['probe_type', 'container', 'pod', 'namespace'],
    buckets: DEFAULT_BUCKETS,
  });
  const labelsOf = (pod: Pod, container: string, kind: ProbeKind): Record<string, string> => ({
    probe_type: PROBE_WORD[kind],
    container,
    pod: podName(pod),
    namespace: podNamespace(pod),
  });
  return {
    attempted: (pod, container, { kind, outcome, durationMs }) => {
      const labels = labelsOf(pod, container, kind);
      const result = RESULT_OF[outcome.result];
      if (result === undefined) return;
      total.increment({ ...labels, result, pod_uid: podUid(pod) });
      if (result === 'successful') durations.observe(durationMs / 1000, labels);
    },
    forget: (pod, containers) => {
      for (const container of containers) {
        for (const kind of PROBE_KINDS) {
          const labels = labelsOf(pod, container, kind);
          for (const result of RESULTS) {
            total.remove({ ...labels, result, pod_uid: podUid(pod) });
          }
          durations.remove(labels);
        }
      }
    },
  };
}

const RESULT_OF: Readonly<
  Record<AttemptReport['outcome']['result'], (typeof RESULTS)[number] | undefined>
> = {
  success: 'successful',
  warning: 'successful',
  failure: 'failed',
  error: undefined,
};
