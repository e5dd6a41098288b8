import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { KubeError } from '../../../src/model/errors.js';
import type { Transport, TransportRequest } from '../../../src/ports.js';
import { MeteredTransport } from '../../../src/run/metered-transport.js';
import { refuseChannels } from '../../support/refuse-channels.js';

const clock = new ManualClock();
const signal = new AbortController().signal;

async function* body(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('a');
  await clock.sleep(500, signal);
  yield Buffer.from('b');
}

const inner: Transport = {
  send: async ({ path }) => {
    if (path === '/away') throw new KubeError('KUBE_UNAVAILABLE', 'nobody there');
    return { httpStatus: path === '/no' ? 404 : 200, retryAfter: undefined, body: body() };
  },
  openChannels: refuseChannels,
  close: () => undefined,
};

async function read(transport: Transport, path: string): Promise<string> {
  const request: TransportRequest = { method: 'GET', path, headers: {}, idleTimeoutMs: 1000 };
  const response = await transport.send(request, {}, signal);
  let text = '';
  for await (const chunk of response.body) text += String(chunk);
  return text;
}

it('counts by status code, and measures all except watches to the end of the body', async () => {
  const metrics = new MemoryMetrics();
  const transport = new MeteredTransport({
    ...{ transport: inner, clock, metrics, host: '10.0.0.1:6443' },
  });
  for (const path of ['/pods', '/no', '/pods?watch=true&resourceVersion=1']) {
    const reading = read(transport, path);
    await clock.advance(500);
    expect(await reading).toBe('ab');
  }
  await expect(read(transport, '/away')).rejects.toThrow('nobody there');
  const labels = 'host="10.0.0.1:6443",method="GET"';
  expect(Object.fromEntries(metrics.values)).toEqual({
    [`rest_client_requests_total{code="200",${labels}}`]: 2,
    [`rest_client_requests_total{code="404",${labels}}`]: 1,
    [`rest_client_requests_total{code="<error>",${labels}}`]: 1,
  });
  expect(Object.fromEntries(metrics.observations)).toEqual({
    'rest_client_request_duration_seconds{host="10.0.0.1:6443",verb="GET"}': [0.5, 0.5, 0],
    'rest_client_request_size_bytes{host="10.0.0.1:6443",verb="GET"}': [0, 0, 0, 0],
    'rest_client_response_size_bytes{host="10.0.0.1:6443",verb="GET"}': [2, 2],
  });
});
