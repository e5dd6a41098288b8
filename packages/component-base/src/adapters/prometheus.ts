import type { Counter, Gauge, Histogram, Metrics, MetricSpec } from '@nodeagent/base';
import * as prometheus from 'prom-client';

import { addBuildInfo, addProcessMetrics } from './process-metrics.js';

export interface PrometheusMetrics extends Metrics {
  /** Returns all metrics in the Prometheus text format. */
  render(): Promise<string>;
  /** The Content-Type of {@link render}. */
  readonly contentType: string;
}

export interface PrometheusOptions {
  /** Adds `process_*` of this process, and its version as `kubernetes_build_info`. */
  readonly processVersion?: string;
}

/** Uses a registry of its own: nothing is global. */
export function createPrometheusMetrics(options: PrometheusOptions = {}): PrometheusMetrics {
  const registry = new prometheus.Registry();
  const { processVersion } = options;
  if (processVersion !== undefined) {
    addProcessMetrics(registry);
    addBuildInfo(registry, processVersion);
  }
  const spec = ({ name, help, labelNames = [] }: MetricSpec) => ({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  const once = <T>(name: string, make: () => T): T =>
    (registry.getSingleMetric(name) as T | undefined) ?? make();
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    counter: (options): Counter => {
      const metric = once(options.name, () => new prometheus.Counter(spec(options)));
      return {
        increment: (labels = {}, by = 1) => metric.inc(labels, by),
        remove: (labels) => metric.remove(labels),
      };
    },
    gauge: (options): Gauge => {
      const metric = once(options.name, () => new prometheus.Gauge(spec(options)));
      return {
        set: (value, labels = {}) => metric.set(labels, value),
        remove: (labels) => metric.remove(labels),
      };
    },
    histogram: (options): Histogram => {
      const metric = once(
        options.name,
        () => new prometheus.Histogram({ ...spec(options), buckets: [...options.buckets] }),
      );
      return {
        observe: (value, labels = {}) => metric.observe(labels, value),
        remove: (labels) => metric.remove(labels),
      };
    },
  };
}
