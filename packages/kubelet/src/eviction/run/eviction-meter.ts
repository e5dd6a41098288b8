import { DEFAULT_BUCKETS, type Metrics } from '@nodeagent/base';

export interface EvictionMeter {
  /** A pod was evicted; the signal may also be a limit of local storage. */
  evicted(signal: string): void;
  /** @param ageMs age of the figures that an attempt to evict relies on */
  acted(signal: string, ageMs: number): void;
}

/** @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, Evictions, EvictionStatsAge */
export function createEvictionMeter(metrics: Metrics): EvictionMeter {
  const evictions = metrics.counter({
    name: 'kubelet_evictions',
    help: 'Pods evicted, by the signal that caused it.',
    labelNames: ['eviction_signal'],
  });
  const ages = metrics.histogram({
    name: 'kubelet_eviction_stats_age_seconds',
    help: 'Age of the figures that evictions rely on, by signal.',
    labelNames: ['eviction_signal'],
    buckets: DEFAULT_BUCKETS,
  });
  return {
    evicted: (signal) => evictions.increment({ eviction_signal: signal }),
    acted: (signal, ageMs) => ages.observe(ageMs / 1000, { eviction_signal: signal }),
  };
}
