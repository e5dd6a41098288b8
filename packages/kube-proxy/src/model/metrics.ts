import type { Counter, Gauge, Histogram, Metrics } from '@nodeagent/base';

/** 1 ms to 16 s. */
const SYNC_BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

/** 0.25 s to 5 minutes. */
const PROGRAMMING_BUCKETS = [
  0.25,
  0.5,
  ...Array.from({ length: 59 }, (_, i) => i + 1),
  ...Array.from({ length: 12 }, (_, i) => 60 + i * 5),
  ...Array.from({ length: 7 }, (_, i) => 120 + i * 30),
];

const FAMILY = ['ip_family'] as const;

export interface ProxyMetrics {
  readonly syncSeconds: Histogram;
  readonly fullSyncSeconds: Histogram;
  readonly partialSyncSeconds: Histogram;
  readonly lastSync: Gauge;
  readonly lastQueued: Gauge;
  readonly programmingSeconds: Histogram;
  readonly endpointChangesPending: Gauge;
  readonly endpointChanges: Counter;
  readonly serviceChangesPending: Gauge;
  readonly serviceChanges: Counter;
  readonly noLocalEndpoints: Gauge;
  readonly healthz: Counter;
  readonly livez: Counter;
  readonly conntrackSeconds: Histogram;
  readonly conntrackDeleted: Counter;
}

/**
 * Creates all metrics that kube-proxy has in every mode, under upstream's names.
 *
 * @see Kubernetes 1.36 pkg/proxy/metrics/metrics.go
 */
export function proxyMetrics(metrics: Metrics): ProxyMetrics {
  const seconds = (name: string, help: string, buckets = SYNC_BUCKETS): Histogram =>
    metrics.histogram({ name: `kubeproxy_${name}`, help, labelNames: FAMILY, buckets });
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    metrics.gauge({ name: `kubeproxy_${name}`, help, labelNames });
  const counter = (name: string, help: string, labelNames: readonly string[] = []): Counter =>
    metrics.counter({ name: `kubeproxy_${name}`, help, labelNames });
  const sync = 'sync_proxy_rules';
  return {
    syncSeconds: seconds(`${sync}_duration_seconds`, 'Duration of a sync.'),
    fullSyncSeconds: seconds('sync_full_proxy_rules_duration_seconds', 'Duration of a full sync.'),
    partialSyncSeconds: seconds(
      'sync_partial_proxy_rules_duration_seconds',
      'Duration of a partial sync.',
    ),
    lastSync: gauge(`${sync}_last_timestamp_seconds`, 'Time of the last successful sync.', FAMILY),
    lastQueued: gauge(
      `${sync}_last_queued_timestamp_seconds`,
      'Time of the last request for a sync.',
      FAMILY,
    ),
    programmingSeconds: seconds(
      'network_programming_duration_seconds',
      'Time from a change of endpoints until the rules follow it.',
      PROGRAMMING_BUCKETS,
    ),
    endpointChangesPending: gauge(
      `${sync}_endpoint_changes_pending`,
      'Services with changed endpoints that the rules do not follow yet.',
    ),
    endpointChanges: counter(`${sync}_endpoint_changes_total`, 'Changes of endpoints.'),
    serviceChangesPending: gauge(
      `${sync}_service_changes_pending`,
      'Changed Services that the rules do not follow yet.',
    ),
    serviceChanges: counter(`${sync}_service_changes_total`, 'Changes of Services.'),
    noLocalEndpoints: gauge(
      `${sync}_no_local_endpoints_total`,
      'Service ports with a local traffic policy and no local endpoint.',
      ['traffic_policy', 'ip_family'],
    ),
    healthz: counter('proxy_healthz_total', 'Answers of /healthz.', ['code']),
    livez: counter('proxy_livez_total', 'Answers of /livez.', ['code']),
    conntrackSeconds: seconds(
      'conntrack_reconciler_sync_duration_seconds',
      'Duration of a clean-up of tracked flows.',
    ),
    conntrackDeleted: counter(
      'conntrack_reconciler_deleted_entries_total',
      'Tracked flows deleted.',
      FAMILY,
    ),
  };
}
