import { connect, type Socket } from 'node:net';

import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { findFreePort, waitFor } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { createHttpListener } from '../../../src/adapters/http-listener.js';

it('answers health checks while one client holds as many connections as it can', async () => {
  const metrics = new MemoryMetrics();
  const http = createHttpListener({ clock: new ManualClock(), metrics });
  const port = await findFreePort();
  const listener = await http.listen({ host: '127.0.0.1', port }, () => ({
    status: 200,
    body: 'ok',
  }));
  const sockets: Socket[] = [];
  for (let i = 0; i < 200; i += 1) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    sockets.push(socket);
    await new Promise((done) => socket.once('connect', done));
  }
  expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe('ok');
  const cut = (): number | undefined =>
    metrics.values.get('kubeproxy_http_connections_turned_away_total{reason="share"}');
  await waitFor(() => (cut() ?? 0) >= 200 - 32, { what: 'the others to be cut' });
  for (const socket of sockets) socket.destroy();
  await listener.close();
});

it('sends a long answer piece by piece, and tells a handler that its client has gone', async () => {
  const http = createHttpListener({ clock: new ManualClock(), metrics: new MemoryMetrics() });
  const port = await findFreePort();
  let left: AbortSignal | undefined;
  const listener = await http.listen({ host: '127.0.0.1', port }, ({ path, signal }) => {
    const pieces = (async function* () {
      yield Buffer.from('a');
      yield Buffer.from('b');
    })();
    if (path === '/long') return { status: 200, body: '', pieces };
    left = signal;
    return new Promise(() => undefined);
  });
  expect(await (await fetch(`http://127.0.0.1:${port}/long`)).text()).toBe('ab');
  const client = new AbortController();
  const asking = fetch(`http://127.0.0.1:${port}/wait`, { signal: client.signal });
  await waitFor(() => left !== undefined, { what: 'the request' });
  client.abort();
  await expect(asking).rejects.toThrow();
  await waitFor(() => left?.aborted === true, { what: 'the end of the request' });
  await listener.close();
});
