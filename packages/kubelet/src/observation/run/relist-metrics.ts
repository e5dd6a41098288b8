import { DEFAULT_BUCKETS, type Metrics } from '@nodeagent/base';
import type { Container, Sandbox } from '@nodeagent/cri-client';

export interface Relist {
  readonly sandboxes: readonly Sandbox[];
  readonly containers: readonly Container[];
  /** Wall clock. */
  readonly nowMs: number;
  readonly tookMs: number;
  /** Since the start of the previous list; undefined for the first. */
  readonly sinceMs: number | undefined;
}

const STATES = ['created', 'running', 'exited', 'unknown'] as const;

/** Meters the lists of the runtime and their results, under upstream's names. */
export function createRelistMeter(
  metrics: Metrics,
): Readonly<{ listed: (relist: Relist) => void }> {
  const durations = metrics.histogram({
    name: 'kubelet_pleg_relist_duration_seconds',
    help: 'Duration of listing the pods and containers of the runtime.',
    buckets: DEFAULT_BUCKETS,
  });
  const intervals = metrics.histogram({
    name: 'kubelet_pleg_relist_interval_seconds',
    help: 'Time between the starts of two consecutive lists of the runtime.',
    buckets: DEFAULT_BUCKETS,
  });
  const lastSeen = metrics.gauge({
    name: 'kubelet_pleg_last_seen_seconds',
    help: 'Time of the last list of the runtime, in seconds since the Unix epoch.',
  });
  const pods = metrics.gauge({
    name: 'kubelet_running_pods',
    help: 'Pods with a ready sandbox.',
  });
  const states = metrics.gauge({
    name: 'kubelet_running_containers',
    help: 'Containers in the runtime, by state.',
    labelNames: ['container_state'],
  });
  return {
    listed: ({ sandboxes, containers, nowMs, tookMs, sinceMs }) => {
      durations.observe(tookMs / 1000);
      if (sinceMs !== undefined) intervals.observe(sinceMs / 1000);
      lastSeen.set(nowMs / 1000);
      const ready = sandboxes.filter(({ state }) => state === 'ready');
      pods.set(new Set(ready.map(({ metadata }) => metadata?.uid)).size);
      for (const state of STATES) {
        const count = containers.filter((container) => container.state === state).length;
        states.set(count, { container_state: state });
      }
    },
  };
}
