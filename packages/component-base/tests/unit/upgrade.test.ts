import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import {
  proxyUpgrade,
  type UpgradeOutcome,
  type UpgradeTarget,
} from '../../src/adapters/upgrade.js';

const open: (Server | TcpServer)[] = [];
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of open.splice(0)) server.close();
  sockets.clear();
});

async function listen(server: Server | TcpServer): Promise<number> {
  open.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A backend on raw TCP: receives the proxy's request, then answers as the test decides. */
async function startBehind(talk: (socket: Socket, head: string) => void): Promise<number> {
  return listen(
    createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      let head = '';
      const read = (chunk: Buffer): void => {
        head += chunk.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        socket.off('data', read);
        talk(socket, head);
      };
      socket.on('data', read);
    }),
  );
}

const to = (port: number) => ({ port, host: '127.0.0.1', allowHalfOpen: true });

interface Front {
  readonly port: number;
  readonly outcomes: UpgradeOutcome[];
}

async function startFront(behind: number, more: Partial<UpgradeTarget> = {}): Promise<Front> {
  const outcomes: UpgradeOutcome[] = [];
  const server = createServer();
  server.on('upgrade', (incoming, socket: Socket, head) => {
    const target: UpgradeTarget = {
      connect: (onread) => connect({ ...to(behind), onread }),
      host: 'behind',
      path: '/inside?x=1',
      withhold: ['authorization'],
      idleTimeoutMs: 0,
      ...more,
    };
    void proxyUpgrade({ request: incoming, socket, head }, target).then((one) =>
      outcomes.push(one),
    );
  });
  return { port: await listen(server), outcomes };
}

async function upgrade(
  port: number,
  method = 'POST',
): Promise<{ status: number; socket?: Socket; head?: Buffer; text: string }> {
  const outgoing = request({
    ...{ port, host: '127.0.0.1', method, path: '/outside', agent: false },
    headers: {
      ...{ connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4' },
      authorization: 'Bearer secret',
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof upgrade>>>();
  outgoing.on('error', reject);
  outgoing.on('upgrade', (response, socket: Socket, head: Buffer) => {
    sockets.add(socket);
    resolve({ status: response.statusCode ?? 0, socket, head, text: head.toString() });
  });
  outgoing.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
  });
  outgoing.end();
  return promise;
}

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';

describe(proxyUpgrade, () => {
  it('asks in the client’s place, without its credentials', async () => {
    const heads: string[] = [];
    const behind = await startBehind((socket, head) => {
      heads.push(head);
      socket.write(SWITCH);
    });
    const { status } = await upgrade((await startFront(behind)).port);
    expect(status).toBe(101);
    expect(heads[0]).toMatch(/^POST \/inside\?x=1 HTTP\/1.1\r\nHost: behind\r\n/);
    expect(heads[0]).toMatch(/\r\nUpgrade: SPDY\/3.1\r\n/i);
    expect(heads[0]).toMatch(/\r\nx-stream-protocol-version: v4\r\n/i);
    expect(heads[0]).toMatch(/\r\nX-Forwarded-For: 127.0.0.1\r\n/);
    expect(heads[0]).not.toContain('secret');
  });

  it('keeps the other direction open when one ends', async () => {
    const behind = await startBehind((socket) => {
      socket.write(SWITCH);
      let got = '';
      socket.on('data', (chunk) => (got += String(chunk)));
      socket.on('end', () => socket.end(`got ${got}`));
    });
    const { socket } = await upgrade((await startFront(behind)).port);
    let text = '';
    socket?.on('data', (chunk) => (text += String(chunk)));
    socket?.end('all of it');
    await once(socket!, 'close');
    expect(text).toBe('got all of it');
  });

  it.each([
    { name: 'with reused buffers', connectTo: undefined },
    { name: "with Node's own reads", connectTo: (port: number) => () => connect(to(port)) },
  ])(
    'passes a large transfer on completely, without keeping it in memory: $name',
    async ({ connectTo }) => {
      const block = randomBytes(1024 * 1024);
      const blocks = 64;
      const sentHash = createHash('sha256');
      for (let i = 0; i < blocks; i += 1) sentHash.update(block);
      let stalledAt = 0;
      const behind = await startBehind((socket) => {
        socket.write(SWITCH);
        let sent = 0;
        const more = (): void => {
          while (sent < blocks) {
            sent += 1;
            stalledAt = sent;
            if (!socket.write(block)) return void socket.once('drain', more);
          }
          socket.end();
        };
        more();
      });
      const more = connectTo === undefined ? {} : { connect: connectTo(behind) };
      const { socket, head } = await upgrade((await startFront(behind, more)).port);
      socket?.pause();
      // nothing reads the bytes: the sender has to pause long before its end
      let before = -1;
      while (before !== stalledAt) {
        before = stalledAt;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      expect(stalledAt).toBeLessThan(blocks / 2);
      const gotHash = createHash('sha256').update(head ?? '');
      socket?.on('data', (chunk: Buffer) => gotHash.update(chunk));
      socket?.resume();
      await once(socket!, 'end');
      expect(gotHash.digest('hex')).toBe(sentHash.digest('hex'));
    },
  );

  it.each([
    ['a refusal', 'HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nno x\n', 404, 'no x\n'],
    ['a refusal without length', 'HTTP/1.1 403 Forbidden\r\n\r\n', 403, ''],
    [
      'an answer that is no upgrade',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      500,
      'invalid upgrade response: status code 200\n',
    ],
  ])('passes on %s', async (_name, answer, status, text) => {
    const behind = await startBehind((socket) => socket.end(answer));
    expect(await upgrade((await startFront(behind)).port)).toMatchObject({ status, text });
  });

  it.each([
    ['nothing listens', async () => 1],
    ['the answer is not HTTP', () => startBehind((socket) => socket.end('SSH-2.0-x\r\n'))],
    ['the backend closes without an answer', () => startBehind((socket) => socket.destroy())],
  ])('answers 502 when %s', async (_name, start) => {
    const front = await startFront(await start());
    expect((await upgrade(front.port)).status).toBe(502);
    expect(front.outcomes).toEqual([expect.objectContaining({ kind: 'refused', status: 502 })]);
  });

  it('answers 502 when the backend takes too long', async () => {
    const behind = await startBehind(() => undefined);
    const front = await startFront(behind, { answerTimeoutMs: 50 });
    expect(await upgrade(front.port)).toMatchObject({ status: 502 });
  });

  it('closes the connection to the backend when the client is gone', async () => {
    const closed = Promise.withResolvers<string>();
    const behind = await startBehind((socket) => {
      socket.write(SWITCH);
      socket.once('end', () => closed.resolve('closed')).resume();
    });
    const { socket } = await upgrade((await startFront(behind)).port);
    socket?.resetAndDestroy();
    await closed.promise;
  });

  it('closes connections that are silent for too long', async () => {
    const behind = await startBehind((socket) => socket.write(SWITCH));
    const front = await startFront(behind, { idleTimeoutMs: 50 });
    const { socket } = await upgrade(front.port);
    socket?.on('error', () => undefined);
    socket?.resume();
    await once(socket!, 'close');
  });
});
