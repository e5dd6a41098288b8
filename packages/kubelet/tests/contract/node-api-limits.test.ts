import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { createSystemClock } from '@nodeagent/base/system';
import { ManualClock } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Reloaded } from '../../src/server/ports.js';
import { aPod } from '../../src/testing/index.js';
import {
  call,
  type Caller,
  certificateOf,
  type NodeApiFixture,
  startNodeApi,
} from '../support/node-api.js';

/** More than the kernel buffers for an unread connection. */
const BIG = 'x'.repeat(24 * 1024 * 1024);
const MOST = 8;

/** A client CA that the test replaces. */
class ReplacedCa implements Reloaded<string> {
  #pem: string | undefined;
  #onChange = (): void => undefined;

  current(): string | undefined {
    return this.#pem;
  }

  run(onChange: () => void, signal: AbortSignal): Promise<void> {
    this.#onChange = onChange;
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  replace(pem: string): void {
    this.#pem = pem;
    this.#onChange();
  }
}

let api: NodeApiFixture;
let admin: Caller;
const ca = new ReplacedCa();
const held: { destroy(): void }[] = [];

beforeAll(async () => {
  const limits = { most: MOST, stallMs: 1500, lingerMs: 1500, sweepMs: 100 };
  const metadata = { annotations: { big: BIG } };
  const big = aPod({ name: 'big' });
  api = await startNodeApi({
    pods: () => [{ ...big, metadata: { ...big.metadata, ...metadata } }],
    listener: { limits, clientCa: ca },
  });
  ca.replace(api.cluster.caCertificatePem);
  admin = await certificateOf(api, 'admin', ['system:masters']);
});
afterAll(async () => {
  for (const one of held.splice(0)) one.destroy();
  await api.stop();
});

const counted = (name: string, reason?: string): number =>
  api.metrics.values.get(reason === undefined ? name : `${name}{reason="${reason}"}`) ?? 0;
const cut = (): number => counted('kubelet_server_answers_cut_total');
const turnedAway = (reason: string): number =>
  counted('kubelet_server_connections_turned_away_total', reason);

async function opened(socket: Socket, event: string): Promise<Socket> {
  held.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once(event, resolve).once('close', resolve));
  return socket;
}
const tls = (options: object = {}): Promise<Socket> => {
  const common = { host: '127.0.0.1', port: api.port, rejectUnauthorized: false };
  const all = { ...common, allowHalfOpen: true, ...options }; // half-open is not in its type
  return opened(connectTls(all), 'secureConnect');
};
const plain = (): Promise<Socket> => {
  const options = { host: '127.0.0.1', port: api.readOnlyPort, allowHalfOpen: true };
  return opened(connectTcp(options), 'connect');
};

const UPGRADE =
  'GET /exec/a/b/c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';

/** Waits for the refusal, and leaves the client's direction open. */
async function halfOpen(socket: Socket): Promise<void> {
  socket.write(UPGRADE);
  await new Promise((resolve) => socket.resume().once('end', resolve).once('close', resolve));
}

const until = (what: string, isSo: () => boolean): Promise<unknown> =>
  waitFor(isSo, { what, timeoutMs: 60_000 });

describe('unauthenticated clients that hold every connection', { timeout: 180_000 }, () => {
  it('by refused upgrades lock no one out, and are cut', async () => {
    const before = turnedAway('stalled');
    for (let i = 0; i < MOST; i += 1) await halfOpen(await tls());
    expect((await call(api.port, '/healthz', admin)).status).toBe(200);
    await until(
      'the other connections to be cut',
      () => turnedAway('stalled') >= before + MOST - 1,
    );
  });

  it('by refused upgrades on the read-only port lock no one out, and are cut', async () => {
    const before = turnedAway('stalled');
    for (let i = 0; i < MOST; i += 1) await halfOpen(await plain());
    const { status } = await call(api.readOnlyPort, '/healthz', {}, { plain: true });
    expect(status).toBe(200);
    await until(
      'the other connections to be cut',
      () => turnedAway('stalled') >= before + MOST - 1,
    );
  });

  it('by HTTP/2 streams without a window lock no one out, and are cut', async () => {
    const before = turnedAway('stalled');
    for (let i = 0; i < MOST; i += 1) {
      const session = connectHttp2(`https://127.0.0.1:${api.port}`, {
        rejectUnauthorized: false,
        settings: { initialWindowSize: 0 },
      });
      held.push(session);
      session.on('error', () => undefined);
      const stream = session.request({ ':path': '/healthz' });
      stream.on('error', () => undefined);
      await new Promise((resolve) => stream.once('response', resolve).once('close', resolve));
    }
    expect((await call(api.port, '/healthz', admin)).status).toBe(200);
    await until(
      'the other connections to be cut',
      () => turnedAway('stalled') >= before + MOST - 1,
    );
  });

  it('by not reading their answers lock no one out, and are cut', async () => {
    const [before, cutBefore] = [turnedAway('stalled'), cut()];
    for (let i = 0; i < MOST; i += 1) {
      const socket = await plain();
      socket.pause().write('GET /pods HTTP/1.1\r\nHost: x\r\n\r\n');
    }
    const { status } = await call(api.readOnlyPort, '/healthz', {}, { plain: true });
    expect(status).toBe(200);
    await until(
      'the other connections to be cut',
      () => turnedAway('stalled') >= before + MOST - 1,
    );
    expect(cut()).toBeGreaterThanOrEqual(cutBefore + MOST - 1);
  });

  it('do not affect an authenticated client that reads slowly', async () => {
    const socket = await tls({ ...admin, ALPNProtocols: ['http/1.1'] });
    socket.pause().write('GET /pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    // Unauthenticated clients that stopped reading at the same time are cut by then.
    const stranger = await plain();
    const before = cut();
    stranger.pause().write('GET /pods HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('a stranger to be cut', () => cut() > before);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.resume();
    await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
    expect(bytes).toBeGreaterThan(BIG.length);
  });

  it('get a complete long answer if they read it', async () => {
    const { status, body } = await call(api.readOnlyPort, '/pods', {}, { plain: true });
    expect(status).toBe(200);
    expect(body.includes(BIG)).toBe(true);
    const head = await call(api.readOnlyPort, '/pods', {}, { plain: true, method: 'HEAD' });
    expect([200, 405]).toContain(head.status);
    expect(head.body).toBe('');
  });
});

describe('an authenticated client', { timeout: 180_000 }, () => {
  it('may take longer than an unauthenticated one, from the first request on', async () => {
    const [asked, go] = [Promise.withResolvers<true>(), Promise.withResolvers<true>()];
    class SlowRuntime extends MemoryRuntime {
      override async listContainers(): Promise<never[]> {
        asked.resolve(true);
        await go.promise;
        return [];
      }
    }
    const clock = new ManualClock();
    const slow = await startNodeApi({
      runtime: new SlowRuntime({ clock: createSystemClock() }),
      listener: { clock },
    });
    try {
      const caller = await certificateOf(slow, 'admin', ['system:masters']);
      const answer = call(slow.port, '/runningpods/', caller);
      answer.catch(() => undefined); // checked below
      await asked.promise;
      for (let i = 0; i < 100; i += 1) await clock.advance(5000);
      go.resolve(true);
      expect((await answer).status).toBe(200);
    } finally {
      await slow.stop();
    }
  });
});

describe('a client certificate', { timeout: 180_000 }, () => {
  const answerOf = async (socket: Socket): Promise<string> => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('an answer', () => text.includes('\r\n\r\n') || socket.destroyed);
    return text.split('\r\n', 1)[0] ?? '';
  };

  it('is verified with the current CAs, not those of its handshake', async () => {
    const elsewhere = await startNodeApi();
    try {
      const ALPNProtocols = ['http/1.1'];
      const early = await tls({ ...admin, ALPNProtocols });
      // The server has accepted the connection; the handshake is still to come.
      const raw = await opened(connectTcp({ host: '127.0.0.1', port: api.port }), 'connect');
      expect((await call(api.port, '/healthz', admin)).status).toBe(200);
      ca.replace(elsewhere.cluster.caCertificatePem);
      expect(await answerOf(early)).toBe('HTTP/1.1 401 Unauthorized');
      const late = await tls({ ...admin, ALPNProtocols, socket: raw });
      expect(await answerOf(late)).toBe('HTTP/1.1 401 Unauthorized');
      const theirs = await certificateOf(elsewhere, 'admin', ['system:masters']);
      expect((await call(api.port, '/healthz', theirs)).status).toBe(200);
    } finally {
      ca.replace(api.cluster.caCertificatePem);
      await elsewhere.stop();
    }
    expect((await call(api.port, '/healthz', admin)).status).toBe(200);
  });

  it('of a CA added after the handshake is accepted on the next connection', async () => {
    const elsewhere = await startNodeApi();
    try {
      const theirs = await certificateOf(elsewhere, 'admin', ['system:masters']);
      const socket = await tls({ ...theirs, ALPNProtocols: ['http/1.1'] });
      ca.replace(elsewhere.cluster.caCertificatePem);
      expect(await answerOf(socket)).toBe('HTTP/1.1 401 Unauthorized');
      expect((await call(api.port, '/healthz', theirs)).status).toBe(200);
    } finally {
      ca.replace(api.cluster.caCertificatePem);
      await elsewhere.stop();
    }
  });
});
