import type { Counter, Gauge, Metrics } from '@nodeagent/base';

/** Metrics about the userspace mode's connections; UDP sessions count as connections. */
export interface UserspaceMetrics {
  readonly connections: Counter;
  readonly failures: Counter;
  readonly bytes: Counter;
  /** By Service port; removed together with the port. */
  readonly open: Gauge;
}

const PREFIX = 'kubeproxy_userspace';

/** The names are our own: upstream's mode had no metrics. */
export function userspaceMetrics(metrics: Metrics): UserspaceMetrics {
  return {
    connections: metrics.counter({
      name: `${PREFIX}_connections_total`,
      help: 'Connections that reached a server.',
      labelNames: ['protocol', 'ip_family'],
    }),
    failures: metrics.counter({
      name: `${PREFIX}_connection_failures_total`,
      help: 'Connections for which no server could be reached.',
      labelNames: ['protocol', 'ip_family'],
    }),
    bytes: metrics.counter({
      name: `${PREFIX}_bytes_total`,
      help: 'Bytes forwarded, counted when a connection ends.',
      labelNames: ['protocol', 'ip_family', 'direction'],
    }),
    open: metrics.gauge({
      name: `${PREFIX}_open_connections`,
      help: 'Connections open now.',
      labelNames: ['service', 'protocol', 'ip_family'],
    }),
  };
}
