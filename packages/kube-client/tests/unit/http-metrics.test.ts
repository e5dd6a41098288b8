import { MemoryMetrics } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { createKubeClient } from '../../src/http.js';

/** Notes the names of all metrics that are registered. */
class Registry extends MemoryMetrics {
  readonly names = new Set<string>();

  override counter(spec: { readonly name: string }): ReturnType<MemoryMetrics['counter']> {
    this.names.add(spec.name);
    return super.counter(spec);
  }

  override histogram(spec: { readonly name: string }): ReturnType<MemoryMetrics['histogram']> {
    this.names.add(spec.name);
    return super.histogram(spec);
  }
}

it('a client over HTTP has all metrics of requests', () => {
  const metrics = new Registry();
  const client = createKubeClient({ server: 'http://127.0.0.1:1', user: {} } as never, { metrics });
  client.close();
  expect([...metrics.names].toSorted()).toEqual([
    'rest_client_rate_limiter_duration_seconds',
    'rest_client_request_duration_seconds',
    'rest_client_request_retries_total',
    'rest_client_request_size_bytes',
    'rest_client_requests_total',
    'rest_client_response_size_bytes',
  ]);
});
