import type { Counter, Gauge, Metrics } from '@nodeagent/base';

/** Metrics that only the iptables mode has. */
export interface IptablesMetrics {
  readonly restoreFailures: Counter;
  readonly partialRestoreFailures: Counter;
  /** Rules in the kernel. */
  readonly rules: Gauge;
  /** Rules written by the last sync. */
  readonly rulesWritten: Gauge;
}

const FAMILY = ['ip_family'] as const;
const FAMILY_TABLE = ['table', 'ip_family'] as const;
const PREFIX = 'kubeproxy_sync_proxy_rules_iptables';

/** Also used by the ipvs mode. */
export function restoreFailuresCounter(metrics: Metrics): Counter {
  return metrics.counter({
    name: `${PREFIX}_restore_failures_total`,
    help: 'Failed restores.',
    labelNames: FAMILY,
  });
}

/** @see Kubernetes 1.36 pkg/proxy/metrics/metrics.go */
export function iptablesMetrics(metrics: Metrics): IptablesMetrics {
  return {
    restoreFailures: restoreFailuresCounter(metrics),
    partialRestoreFailures: metrics.counter({
      name: `${PREFIX}_partial_restore_failures_total`,
      help: 'Failed restores that wrote only the changes.',
      labelNames: FAMILY,
    }),
    rules: metrics.gauge({
      name: `${PREFIX}_total`,
      help: 'Rules in the kernel.',
      labelNames: FAMILY_TABLE,
    }),
    rulesWritten: metrics.gauge({
      name: `${PREFIX}_last`,
      help: 'Rules that the last sync wrote.',
      labelNames: FAMILY_TABLE,
    }),
  };
}
