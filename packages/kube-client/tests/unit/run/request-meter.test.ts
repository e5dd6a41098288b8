import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { NODES } from '../../../src/model/resources/core.js';
import { ApiClient } from '../../../src/run/api-client.js';
import { createRequestMeter } from '../../../src/run/request-meter.js';
import { refuseChannels } from '../../support/refuse-channels.js';

async function* body(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('{"kind":"Node"}');
}

it('measures the wait for the rate limit, and counts repeated requests', async () => {
  const [metrics, clock] = [new MemoryMetrics(), new ManualClock()];
  const answers = [200, 429, 200];
  const client = new ApiClient({
    transport: {
      send: async () => ({ httpStatus: answers.shift() ?? 500, retryAfter: '1', body: body() }),
      openChannels: refuseChannels,
      close: () => undefined,
    },
    credentials: { current: async () => ({}), refuse: () => undefined },
    ...{ clock, userAgent: 'test', requestTimeoutMs: 1000 },
    rateLimit: { perSecond: 1, burst: 1 },
    meter: createRequestMeter(metrics, 'h'),
  });
  const { signal } = new AbortController();
  await client.get(NODES, { name: 'n1' }, signal);
  const second = client.get(NODES, { name: 'n1' }, signal);
  await clock.advance(10_000);
  await second;
  expect(Object.fromEntries(metrics.values)).toEqual({
    'rest_client_request_retries_total{code="429",host="h",verb="GET"}': 1,
  });
  const waits = metrics.observations.get(
    'rest_client_rate_limiter_duration_seconds{host="h",verb="GET"}',
  );
  expect(waits?.slice(0, 2)).toEqual([0, 1]);
  expect(waits).toHaveLength(3);
});
