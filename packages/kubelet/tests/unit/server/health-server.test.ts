import { connect, type Socket } from 'node:net';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { findFreePort, waitFor } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { createHealthServer } from '../../../src/server/adapters/health-server.js';

it('the health port answers while a client holds the maximum number of connections', async () => {
  const port = await findFreePort();
  const [log, metrics, end] = [new MemoryLogger(), new MemoryMetrics(), new AbortController()];
  const options = { address: '127.0.0.1', port, metrics, clock: createSystemClock(), log };
  const running = createHealthServer(options).run(() => undefined, end.signal);
  const health = (): Promise<string> =>
    fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.text());
  await waitFor(() => health().catch(() => undefined), { what: 'the health port' });
  const sockets: Socket[] = [];
  for (let i = 0; i < 200; i += 1) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    sockets.push(socket);
    await new Promise((done) => socket.once('connect', done));
  }
  expect(await health()).toBe('ok');
  const name = 'kubelet_healthz_connections_turned_away_total{reason="share"}';
  await waitFor(() => (metrics.values.get(name) ?? 0) >= 200 - 32, {
    what: 'the excess connections to close',
  });
  for (const socket of sockets) socket.destroy();
  end.abort(new Error('the test is over'));
  await running;
});
