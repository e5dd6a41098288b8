import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';

import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

import { openPortForward } from '../../src/adapters/port-forward.js';
import { openSession } from '../../src/adapters/session.js';
import { webSocket, type WebSocketOptions } from '../../src/adapters/websocket.js';
import type { ConnectionFailure, SessionFailure } from '../../src/model/failure.js';

class Failed extends Error {
  readonly failure: ConnectionFailure | SessionFailure;

  constructor(failure: ConnectionFailure | SessionFailure) {
    super(failure.kind);
    this.failure = failure;
  }
}

const toError = (failure: ConnectionFailure | SessionFailure): Error => new Failed(failure);
const { signal } = new AbortController();
const ALL = { tty: false, stdin: true, stdout: true, stderr: true };
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Served {
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
  readonly sockets: ReadonlySet<Socket>;
}

/** A server of sessions: each acts as the test decides. */
async function serve(
  session: (socket: WebSocket) => void,
  options: { protocol?: string; autoPong?: boolean; refusal?: [number, string] } = {},
): Promise<Served> {
  const { protocol = 'v5.channel.k8s.io', refusal, autoPong = true } = options;
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  const sessions = new WebSocketServer({
    noServer: true,
    autoPong,
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  });
  server.on('upgrade', (request, socket: Socket, head) => {
    requests.push(request);
    sockets.add(socket);
    if (refusal === undefined) sessions.handleUpgrade(request, socket, head, session);
    else {
      const [status, body] = refusal;
      const lines = [`HTTP/1.1 ${status} No`, `content-length: ${body.length}`, 'retry-after: 7'];
      socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/exec?a=b`,
    requests,
    sockets,
  };
}

const session = (options: Partial<WebSocketOptions> & { url: string }, streams = ALL) =>
  openSession(webSocket({ signal, toError, ...options }), { streams, toError });

const frame = (channel: number, data: string): Buffer =>
  Buffer.from(`${String.fromCharCode(channel)}${data}`);
const SUCCESS = frame(3, JSON.stringify({ status: 'Success' }));

describe('a session over WebSocket', () => {
  it('sends its headers, and long input in messages of at most 64 KiB', async () => {
    const received: Buffer[] = [];
    const { url, requests } = await serve((socket) => {
      socket.on('message', (message: Buffer) => {
        if (message[0] === 0) received.push(message);
        else socket.send(SUCCESS, () => socket.close());
      });
    });
    const { stdin, exitCode } = await session({
      url,
      headers: { 'x-one': '1', 'x-more': ['2', '3'] },
    });
    const data = Buffer.alloc(200_000, 'input ');
    stdin.end(data);
    expect(await exitCode).toBe(0);
    expect(received.map(({ length }) => length)).toEqual([65_537, 65_537, 65_537, 3393]);
    expect(Buffer.concat(received.map((each) => each.subarray(1))).equals(data)).toBe(true);
    expect(requests[0]?.url).toBe('/exec?a=b');
    expect(requests[0]?.headers).toMatchObject({ 'x-one': '1', 'x-more': '2, 3' });
  });

  it('uses the connection that it is given', async () => {
    const { url } = await serve((socket) => socket.send(SUCCESS, () => socket.close()));
    const { port } = new URL(url);
    const own = async (): Promise<Socket> => {
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const elsewhere = 'http://192.0.2.1:1/exec';
    expect(await (await session({ url: elsewhere, connect: own })).exitCode).toBe(0);
    const failing = session({ url, connect: () => Promise.reject(new Error('no route')) });
    await expect(failing).rejects.toMatchObject({
      failure: { kind: 'broken', opened: false, cause: { message: 'no route' } },
    });
  });

  it('reports a refusal with its whole text', async () => {
    const body = JSON.stringify({ kind: 'Status', message: 'x'.repeat(5000) });
    const { url } = await serve(() => undefined, { refusal: [403, body] });
    await expect(session({ url })).rejects.toMatchObject({
      failure: { kind: 'refused', httpStatus: 403, retryAfter: '7', text: body },
    });
  });

  it('gives the Status that ended it', async () => {
    const status = { kind: 'Status', status: 'Failure', code: 404, message: 'no such container' };
    const { url } = await serve((socket) => {
      socket.send(frame(3, JSON.stringify(status)), () => socket.close());
    });
    await expect((await session({ url })).exitCode).rejects.toMatchObject({
      failure: { kind: 'failed', detail: 'no such container', status },
    });
  });

  it.each([
    ['breaks', (socket: WebSocket) => socket.terminate(), 'the connection broke'],
    ['is closed for an error', (socket: WebSocket) => socket.close(1011, 'oops'), /1011 oops/],
  ])('never looks complete when the connection %s', async (_, leave, cause) => {
    const { url } = await serve((socket) => socket.send(frame(1, 'half'), () => leave(socket)));
    const { stdout, exitCode } = await session({ url });
    const want = {
      failure: { kind: 'broken', opened: true, cause: { message: expect.stringMatching(cause) } },
    };
    await expect(text(stdout)).rejects.toMatchObject(want);
    await expect(exitCode).rejects.toMatchObject(want);
  });

  it('ends with the reason of an abort, before and after it is open', async () => {
    const { url, sockets } = await serve(() => undefined);
    const stop = new AbortController();
    const hanging = session({
      url,
      signal: stop.signal,
      connect: () => new Promise(() => undefined),
    });
    const running = await session({ url, signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(hanging).rejects.toBe(reason);
    await expect(running.exitCode).rejects.toBe(reason);
    await expect(text(running.stdout)).rejects.toBe(reason);
    await expect(session({ url, signal: stop.signal })).rejects.toBe(reason);
    for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close');
  });

  it('closes although nobody has read what was sent', async () => {
    const { url } = await serve((socket) => {
      for (let i = 0; i < 256; i += 1) socket.send(frame(1, 'o'.repeat(64 * 1024)));
    });
    const running = await session({ url });
    await once(running.stdout, 'readable');
    running.close();
    await expect(running.exitCode).rejects.toMatchObject({ failure: { kind: 'no-status' } });
  });

  it('gives up a server that does not answer', async () => {
    const server = createServer()
      .on('upgrade', () => undefined)
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(() => server.close().closeAllConnections());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const own = async (): Promise<Socket> => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    for (const options of [{ url }, { url, connect: own }]) {
      await expect(session({ ...options, answerTimeoutMs: 20 })).rejects.toMatchObject({
        failure: { kind: 'broken', opened: false, cause: { message: 'no answer for 0.02 s' } },
      });
    }
  });
});

describe('pings', () => {
  it('find a peer that vanished', async () => {
    const { url } = await serve(() => undefined, { autoPong: false });
    const { exitCode } = await session({ url, pings: { everyMs: 5, patienceMs: 40 } });
    await expect(exitCode).rejects.toMatchObject({
      failure: {
        kind: 'broken',
        opened: true,
        cause: { message: expect.stringContaining('no sign') },
      },
    });
  });

  it('keep a silent session open', async () => {
    let pings = 0;
    const { url } = await serve((socket) => {
      socket.on('ping', () => {
        pings += 1;
        if (pings === 20) socket.send(SUCCESS, () => socket.close());
      });
    });
    const { exitCode } = await session({ url, pings: { everyMs: 5, patienceMs: 60_000 } });
    expect(await exitCode).toBe(0);
  });

  it('do not end a session whose command does not read its input', async () => {
    const everyMs = 5;
    let peer: WebSocket | undefined;
    const { url } = await serve((socket) => {
      peer = socket;
      socket.on('message', (message: Buffer) => {
        if (message[0] === 0) socket.pause();
        else socket.send(SUCCESS, () => socket.close());
      });
    });
    const { stdin, exitCode } = await session({ url, pings: { everyMs, patienceMs: 30 } });
    stdin.write('unread');
    await new Promise((resolve) => setTimeout(resolve, 200)); // much longer than its patience
    stdin.end();
    peer?.resume();
    expect(await exitCode).toBe(0);
  });

  it('do not end a session whose output is not read', async () => {
    const size = 16 * 1024 * 1024;
    const { url } = await serve((socket) => {
      for (let sent = 0; sent < size; sent += 65_536) socket.send(frame(1, 'o'.repeat(65_536)));
      socket.send(SUCCESS, () => socket.close());
    });
    const { stdout, exitCode } = await session({ url, pings: { everyMs: 5, patienceMs: 30 } });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await buffer(stdout)).length).toBe(size);
    expect(await exitCode).toBe(0);
  });
});

describe('a port-forward over WebSocket', () => {
  const forward = async (act: (socket: WebSocket) => void) => {
    const { url, requests } = await serve(
      (socket) => {
        for (const channel of [0, 1]) socket.send(Buffer.from([channel, 0x90, 0x1f]));
        act(socket);
      },
      { protocol: 'v4.channel.k8s.io' },
    );
    const open = webSocket({ url, signal, toError });
    const [connection] = (await openPortForward(open, { ports: [8080], toError })).connections;
    return { connection: connection!, requests };
  };

  it('closes when its connection is destroyed', async () => {
    const closed = Promise.withResolvers<number>();
    const { connection, requests } = await forward((socket) => socket.on('close', closed.resolve));
    connection.destroy();
    expect(await closed.promise).toBe(1005);
    expect(requests[0]?.headers['sec-websocket-protocol']).toBe('v4.channel.k8s.io');
  });

  it('goes on after the end of our direction', async () => {
    const { connection } = await forward((socket) => {
      socket.on('message', (message: Buffer) => {
        setImmediate(() => {
          socket.send(frame(0, `echo ${message.subarray(1).toString()}`), () => socket.close());
        });
      });
    });
    connection.end('last words');
    expect(await text(connection)).toBe('echo last words');
  });

  it('reports that the connection broke, so that a part does not look like the whole', async () => {
    const { connection } = await forward((socket) => {
      socket.send(frame(0, 'half'), () => socket.terminate());
    });
    await expect(text(connection)).rejects.toMatchObject({ failure: { kind: 'broken' } });
  });

  it('reports an error of the port', async () => {
    const { connection } = await forward((socket) => {
      socket.send(frame(1, 'connection refused\n'), () => socket.close());
    });
    await expect(text(connection)).rejects.toMatchObject({
      failure: { kind: 'port', port: 8080, detail: 'connection refused' },
    });
  });
});
