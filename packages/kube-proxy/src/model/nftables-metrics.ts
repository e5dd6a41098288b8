import type { Counter, Metrics } from '@nodeagent/base';

/** What only the nftables mode counts. */
export interface NftablesMetrics {
  readonly syncFailures: Counter;
  readonly cleanupFailures: Counter;
  /** Others changed our table, and it was mended. */
  readonly repairs: Counter;
}

const FAMILY = ['ip_family'] as const;
const PREFIX = 'kubeproxy_sync_proxy_rules_nftables';

/** The first two: @see Kubernetes 1.36 pkg/proxy/metrics/metrics.go */
export function nftablesMetrics(metrics: Metrics): NftablesMetrics {
  return {
    syncFailures: metrics.counter({
      name: `${PREFIX}_sync_failures_total`,
      help: 'Failed changes of the table.',
      labelNames: FAMILY,
    }),
    cleanupFailures: metrics.counter({
      name: `${PREFIX}_cleanup_failures_total`,
      help: 'Failed removals of chains that nothing leads to any more.',
      labelNames: FAMILY,
    }),
    repairs: metrics.counter({
      name: `${PREFIX}_repairs_total`,
      help: 'Times the table was mended after someone else had changed it.',
      labelNames: FAMILY,
    }),
  };
}
