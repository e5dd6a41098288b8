import type { Counter, Metrics } from '@nodeagent/base';

/** Metrics that only the nftables mode has. */
export interface NftablesMetrics {
  readonly syncFailures: Counter;
  readonly cleanupFailures: Counter;
  /** Number of repairs after another program changed our table. */
  readonly repairs: Counter;
}

const FAMILY = ['ip_family'] as const;
const PREFIX = 'kubeproxy_sync_proxy_rules_nftables';

/** The first two have upstream's names: @see Kubernetes 1.36 pkg/proxy/metrics/metrics.go */
export function nftablesMetrics(metrics: Metrics): NftablesMetrics {
  return {
    syncFailures: metrics.counter({
      name: `${PREFIX}_sync_failures_total`,
      help: 'Failed changes of the table.',
      labelNames: FAMILY,
    }),
    cleanupFailures: metrics.counter({
      name: `${PREFIX}_cleanup_failures_total`,
      help: 'Failed removals of unused chains.',
      labelNames: FAMILY,
    }),
    repairs: metrics.counter({
      name: `${PREFIX}_repairs_total`,
      help: 'Repairs of the table after another program had changed it.',
      labelNames: FAMILY,
    }),
  };
}
