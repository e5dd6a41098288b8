import type { Metrics } from '@nodeagent/base';

/** In seconds. */
const LATENCY_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** Measures what happens to a request before it is sent. */
export interface RequestMeter {
  /** The request waited for the client's rate limit. */
  waited(verb: string, ms: number): void;
  /** @param code status of the failed attempt; `<error>` without an answer */
  retried(verb: string, code: string): void;
}

/**
 * @param host of the API server, used as a label
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/metrics/prometheus/restclient/metrics.go
 */
export function createRequestMeter(metrics: Metrics, host: string): RequestMeter {
  const waits = metrics.histogram({
    name: 'rest_client_rate_limiter_duration_seconds',
    help: "Time that requests to the API server waited for the client's rate limit.",
    labelNames: ['verb', 'host'],
    buckets: LATENCY_BUCKETS,
  });
  const retries = metrics.counter({
    name: 'rest_client_request_retries_total',
    help: 'Repeated requests to the API server, by the status of the attempt before.',
    labelNames: ['code', 'verb', 'host'],
  });
  return {
    waited: (verb, ms) => waits.observe(ms / 1000, { verb, host }),
    retried: (verb, code) => retries.increment({ code, verb, host }),
  };
}
