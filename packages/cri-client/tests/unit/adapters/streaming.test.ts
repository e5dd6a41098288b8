import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

import { openPortForward, openSession } from '../../../src/adapters/streaming.js';

const { signal } = new AbortController();
const ALL = { tty: false, stdin: true, stdout: true, stderr: true };
const servers: WebSocketServer[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const socket of server.clients) socket.terminate();
    server.close();
  }
});

/** A runtime's stream server: speaks this protocol, then acts as the test decides. */
async function serve(protocol: string, session: (socket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  });
  servers.push(server);
  server.on('connection', session);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/exec/token`;
}

const frame = (channel: number, data: string) =>
  Buffer.from(`${String.fromCharCode(channel)}${data}`);
const success = frame(3, JSON.stringify({ status: 'Success' }));
const exit = (code: number) =>
  frame(
    3,
    JSON.stringify({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
    }),
  );

describe(openSession, () => {
  it("ends the command's input if the protocol can", async () => {
    const heard: Buffer[] = [];
    const url = await serve('v5.channel.k8s.io', (socket) => {
      socket.on('message', (message: Buffer) => {
        heard.push(message);
        if (message[0] !== 255) return;
        socket.send(frame(1, 'out'));
        socket.send(frame(2, 'err'));
        socket.send(exit(9));
        socket.close();
      });
    });
    const session = await openSession(url, ALL, signal);
    session.stdin.end('typed');
    expect(await Promise.all([text(session.stdout), text(session.stderr)])).toEqual(['out', 'err']);
    expect(await session.exitCode).toBe(9);
    expect(heard).toEqual([frame(0, 'typed'), Buffer.from([255, 0])]);
  });

  it('fails as a whole when the input cannot be ended, so that nobody waits for the output', async () => {
    const url = await serve('v4.channel.k8s.io', () => undefined);
    const session = await openSession(url, ALL, signal);
    session.stdin.end('typed');
    const want = { code: 'CRI_STREAM', message: expect.stringContaining('end standard input') };
    const outcomes = [text(session.stdout), text(session.stderr), session.exitCode];
    for (const outcome of outcomes) await expect(outcome).rejects.toMatchObject(want);
  });

  it.each([
    { name: 'success', message: success, want: 0 },
    {
      name: 'a failure of the runtime',
      message: frame(3, '{"message":"no such container"}'),
      want: /no such container/,
    },
    { name: 'plain text', message: frame(3, 'broken'), want: /broken/ },
    { name: 'nothing', message: undefined, want: /without an exit status/ },
  ])('understands an end with $name', async ({ message, want }) => {
    const url = await serve('v4.channel.k8s.io', (socket) => {
      if (message !== undefined) socket.send(message);
      socket.close();
    });
    const session = await openSession(url, ALL, signal);
    if (typeof want === 'number') expect(await session.exitCode).toBe(want);
    else await expect(session.exitCode).rejects.toThrow(want);
    expect(await text(session.stdout)).toBe('');
  });

  it('goes on when the runtime sends on a stream that was not asked for, and after a stream is left', async () => {
    const url = await serve('v5.channel.k8s.io', (socket) => {
      for (let i = 0; i < 3; i += 1) socket.send(frame(2, 'nobody asked'));
      for (let i = 0; i < 64; i += 1) socket.send(frame(1, 'o'.repeat(64 * 1024)));
      socket.send(exit(7));
      socket.close();
    });
    const unasked = await openSession(url, { ...ALL, stderr: false }, signal);
    expect(await text(unasked.stdout)).toHaveLength(64 * 64 * 1024);
    expect(await unasked.exitCode).toBe(7);
    const left = await openSession(url, ALL, signal);
    left.stdout.destroy();
    left.stderr.resume();
    expect(await left.exitCode).toBe(7);
  });

  it('fails when the server speaks none of our protocols, or does not exist', async () => {
    const url = await serve('channel.k8s.io', () => undefined);
    await expect(openSession(url, ALL, signal)).rejects.toMatchObject({ code: 'CRI_STREAM' });
    await expect(openSession('http://127.0.0.1:1/x', ALL, signal)).rejects.toMatchObject({
      code: 'CRI_STREAM',
    });
  });

  it('stops reading from the connection while nobody reads the stream', async () => {
    let sent = 0;
    const url = await serve('v4.channel.k8s.io', (socket) => {
      const block = Buffer.alloc(64 * 1024, 1);
      const more = (): void => {
        if (socket.bufferedAmount > 0 || sent >= 64 * 1024 * 1024) return;
        sent += block.length;
        socket.send(block, more);
      };
      more();
    });
    const session = await openSession(url, ALL, signal);
    while (session.stdout.readableLength === 0) await new Promise(setImmediate);
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    expect(session.stdout.readableLength).toBeLessThan(1024 * 1024);
    session.close();
  });
});

describe(openPortForward, () => {
  it('gives each port its own connection and errors', async () => {
    const url = await serve('v4.channel.k8s.io', (socket) => {
      const port = (channel: number, number: number) =>
        socket.send(Buffer.from([channel, number & 255, number >> 8]));
      for (const channel of [0, 1]) port(channel, 8080);
      for (const channel of [2, 3]) port(channel, 9090);
      socket.on('message', (message: Buffer) => {
        socket.send(Buffer.concat([Buffer.from([0]), Buffer.from('echo '), message.subarray(1)]));
        socket.send(frame(3, 'refused'));
        socket.close();
      });
    });
    const session = await openPortForward(url, [8080, 9090], signal);
    const [first, second] = session.connections;
    first?.write('hi');
    expect(await text(first!)).toBe('echo hi');
    await expect(text(second!)).rejects.toThrow('port-forward to 9090: refused');
  });

  it('serves the other ports when one connection is left', async () => {
    const url = await serve('v4.channel.k8s.io', (socket) => {
      for (const channel of [0, 1, 2, 3]) socket.send(Buffer.from([channel, 0x90, 0x1f]));
      socket.on('message', () => {
        for (let i = 0; i < 64; i += 1) socket.send(frame(0, 'x'.repeat(64 * 1024)));
        socket.send(frame(2, 'still here'));
        socket.close();
      });
    });
    const session = await openPortForward(url, [8080, 8080], signal);
    const [first, second] = session.connections;
    first?.destroy();
    second?.write('go on');
    expect(await text(second!)).toBe('still here');
  });
});
