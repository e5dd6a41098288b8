import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { waitFor } from '@nodeagent/testbed';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ServerLimits } from '../../src/adapters/connections.js';
import { guardServer } from '../../src/adapters/guard-server.js';

let metrics: MemoryMetrics;
let clock: ManualClock;
const ends: (() => Promise<void>)[] = [];

beforeEach(() => {
  metrics = new MemoryMetrics();
  clock = new ManualClock();
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const turned = (reason: string): number =>
  metrics.values.get(`turned_away_total{reason="${reason}"}`) ?? 0;

async function guarded(limits: Partial<ServerLimits>): Promise<() => Promise<Socket>> {
  const server = createServer((_, response) => response.end('ok'));
  const turnedAway = metrics.counter({
    ...{ name: 'turned_away_total', help: '', labelNames: ['reason'] },
  });
  guardServer(server, { turnedAway, clock, limits });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    sockets.push(socket);
    await new Promise((done) => socket.once('connect', done));
    return socket;
  };
}

async function asked(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const isOver = (): boolean => text.endsWith('ok') || socket.destroyed || socket.readableEnded;
  await waitFor(isOver, { what: 'an answer', timeoutMs: 60_000 });
  return text.split('\r\n', 1)[0] ?? '';
}

describe(guardServer, () => {
  it('answers a newcomer regardless of how many connections are open', async () => {
    const open = await guarded({ most: 4 });
    for (let i = 0; i < 20; i += 1) await open();
    expect(await asked(await open())).toBe('HTTP/1.1 200 OK');
    expect(turned('full')).toBeGreaterThanOrEqual(17);
  });

  it('limits strangers of one address to a share', async () => {
    const open = await guarded({ most: 100, mostOfStranger: 4 });
    for (let i = 0; i < 20; i += 1) await open();
    expect(await asked(await open())).toBe('HTTP/1.1 200 OK');
    expect(turned('share')).toBe(17);
  });

  it('closes a connection that sends no request', async () => {
    const open = await guarded({ unservedMs: 1 });
    const silent = await open();
    const isOver = new Promise((done) => silent.resume().once('end', done));
    await asked(await open());
    await clock.advance(1);
    await isOver;
    expect(turned('idle')).toBe(1);
  }, 60_000);
});
