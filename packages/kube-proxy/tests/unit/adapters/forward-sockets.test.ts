import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

import { waitFor } from '@nodeagent/testbed';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ConnectionRoom, forwardTcp, mostConnections } from '../../../src/adapters/forward-tcp.js';
import { createForwardSockets } from '../../../src/adapters/index.js';
import type { Forwarding, ForwardingSocket, ForwardTarget } from '../../../src/ports.js';

const sockets = createForwardSockets();
const options = { dialTimeoutsMs: [5000, 5000], idleMs: 60_000 };
const anyPort = { host: '127.0.0.1', port: 0 };
const closedPort = { host: '127.0.0.1', port: 1 };

let seen: { opened: number; failed: string[]; closed: { toServer: number; toClient: number }[] };
let clean: (() => Promise<unknown>)[];

beforeEach(() => {
  seen = { opened: 0, failed: [], closed: [] };
  clean = [];
});
afterEach(async () => {
  for (const step of clean) await step();
});

function forwarding(...targets: readonly (ForwardTarget | undefined)[]): Forwarding {
  return {
    pick: (_client, attempt) => targets[attempt],
    opened: () => (seen.opened += 1),
    closed: (bytes) => seen.closed.push(bytes),
    failed: ({ message }) => seen.failed.push(message),
  };
}

async function listen(onConnection: (socket: Socket) => void): Promise<ForwardTarget> {
  const server: Server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => server.listen(anyPort, resolve));
  clean.push(async () => void server.close());
  return { host: '127.0.0.1', port: (server.address() as { port: number }).port };
}

async function front(given: Forwarding): Promise<ForwardingSocket> {
  const made = await sockets.forwardTcp(anyPort, given, options);
  clean.push(() => made.close());
  return made;
}

describe('forwardTcp', () => {
  it('passes a half-close on: data after the question still arrives', async () => {
    const server = await listen((socket) => {
      let question = '';
      socket.on('data', (chunk) => (question += String(chunk)));
      socket.on('end', () => socket.end(`you said ${question}`));
    });
    const { port } = await front(forwarding(server));
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.end('hello');
    expect(String(await buffer(client))).toBe('you said hello');
    await waitFor(() => seen.closed.length > 0, { what: 'the end to be reported' });
    expect(seen).toEqual({ opened: 1, failed: [], closed: [{ toServer: 5, toClient: 14 }] });
  });

  it('tries the next endpoint when one does not answer', async () => {
    const server = await listen((socket) => socket.end('here'));
    const { port } = await front(forwarding(closedPort, server));
    const client = connect({ port, host: '127.0.0.1' });
    expect(String(await buffer(client))).toBe('here');
    expect(seen.failed).toEqual([]);
  });

  it.each([
    ['there is no endpoint', [], 'there is no endpoint'],
    ['none answers', [closedPort, closedPort], 'ECONNREFUSED'],
  ])('resets the client when %s', async (_when, targets, reason) => {
    const { port } = await front(forwarding(...targets));
    const client = connect({ port, host: '127.0.0.1' });
    await expect(buffer(client)).rejects.toThrow('ECONNRESET');
    expect(seen.failed).toHaveLength(1);
    expect(seen.failed[0]).toContain(reason);
  });

  it('resets clients for which there is no room, until others are gone', async () => {
    const server = await listen((socket) => {
      socket.on('end', () => socket.end()).resume();
      socket.write('here');
    });
    const room = new ConnectionRoom(2);
    const made = await forwardTcp(anyPort, forwarding(server), options, room);
    clean.push(() => made.close());
    const join = (): Socket => {
      return connect({ port: made.port, host: '127.0.0.1', allowHalfOpen: true });
    };
    const staying = [join(), join()];
    for (const client of staying) expect(String(await once(client, 'data'))).toBe('here');
    await expect(buffer(join())).rejects.toThrow('ECONNRESET');
    expect(seen.failed).toEqual(['as many connections are open as there may be']);
    for (const client of staying) client.end();
    await waitFor(() => seen.closed.length === 2, { what: 'the others to go' });
    expect(String(await buffer(join().end()))).toBe('here');
  });

  it.each([
    ['Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   4096  files\n', 384],
    ['Max open files            unlimited   unlimited  files\n', Infinity],
  ])('leaves a quarter of the descriptors to others', (limits, most) => {
    expect(mostConnections(limits)).toBe(most);
  });

  it('reads no faster than the server does', async () => {
    const total = 64 * 1024 * 1024;
    let take: (() => void) | undefined;
    let got = 0;
    const server = await listen((socket) => {
      socket.pause();
      socket.on('data', (chunk) => (got += chunk.length));
      take = () => socket.resume();
    });
    const { port } = await front(forwarding(server));
    const client = connect({ port, host: '127.0.0.1' });
    client.end(Buffer.alloc(total));
    await waitFor(() => take !== undefined, { what: 'the connection' });
    // bytes that left the client: they are in buffers of the kernel and the proxy
    const left = () => total - client.writableLength;
    let before = -1;
    await waitFor(
      () => {
        const stands = left() === before;
        before = left();
        return stands;
      },
      { what: 'the client to be stopped', everyMs: 500 },
    );
    expect(left()).toBeLessThan(total);
    take?.();
    await waitFor(() => got === total, { what: 'everything to arrive' });
  });

  it('lets open connections continue after it has been closed', async () => {
    const server = await listen((socket) => socket.pipe(socket));
    const made = await front(forwarding(server));
    const client = connect({ port: made.port, host: '127.0.0.1' });
    client.write('one');
    await new Promise((resolve) => client.once('data', resolve));
    await made.close();
    client.end('two');
    expect(String(await buffer(client))).toBe('two');
    const late = connect({ port: made.port, host: '127.0.0.1' });
    await expect(buffer(late)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('forwardUdp', () => {
  async function udpServer(name: string): Promise<ForwardTarget> {
    const socket = createSocket('udp4');
    socket.on('message', (text, { port, address }) => {
      socket.send(`${name} ${String(text)}`, port, address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    clean.push(async () => void socket.close());
    return { host: '127.0.0.1', port: socket.address().port };
  }

  function ask(port: number) {
    const socket = createSocket('udp4');
    clean.push(async () => void socket.close());
    return (text: string): Promise<string> =>
      new Promise((resolve) => {
        socket.once('message', (answer) => resolve(String(answer)));
        socket.send(text, port, '127.0.0.1');
      });
  }

  it('gives each client its own session, until it ends', async () => {
    const [a, b] = [await udpServer('a'), await udpServer('b')];
    const targets = [a, b, b];
    const given = { ...forwarding(), pick: () => targets.shift() };
    const made = await sockets.forwardUdp([anyPort], given, options);
    clean.push(() => made.close());
    const [first, second] = [ask(made.port), ask(made.port)];
    expect(await first('1')).toBe('a 1');
    expect(await second('2')).toBe('b 2');
    expect(await first('3')).toBe('a 3');
    made.endSessions(({ port }) => port === a.port);
    expect(await first('4')).toBe('b 4');
    expect(seen.closed).toEqual([{ toServer: 2, toClient: 6 }]);
  });

  it('ends a session that is idle', async () => {
    const a = await udpServer('a');
    const made = await sockets.forwardUdp([anyPort], forwarding(a), { ...options, idleMs: 1 });
    clean.push(() => made.close());
    ask(made.port)('x').catch(() => undefined);
    await waitFor(() => seen.closed.length === 1, { what: 'the session to end' });
  });

  it('carries datagrams of the maximum size', async () => {
    const a = await udpServer('a');
    const made = await sockets.forwardUdp([anyPort], forwarding(a), options);
    clean.push(() => made.close());
    const text = 'x'.repeat(60_000);
    expect(await ask(made.port)(text)).toBe(`a ${text}`);
  });
});

describe('claim', () => {
  it.each(['TCP', 'UDP'] as const)('keeps a %s port from others', async (protocol) => {
    const { port } =
      protocol === 'TCP'
        ? await front(forwarding())
        : await sockets.forwardUdp([anyPort], forwarding(), options);
    const claim = sockets.claim(protocol, { host: '127.0.0.1', port });
    await expect(claim).rejects.toMatchObject({ code: 'PROXY_LISTEN' });
  });
});
