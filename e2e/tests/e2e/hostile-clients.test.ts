import { readdir, readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import { startDevApiServer } from '@nodeagent/dev-apiserver';
import { findKubectls, runCommand, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';

/**
 * What strangers can do to port 10250, by the thousand. After each kind of it the kubelet must be
 * the same process, still answer those who may ask, and in the end hold no more than it did after
 * the first round.
 */
const e2e = useCluster();
const PORT = 10_250;
const MIB = 1024 * 1024;
/** Rounds may differ by this much: V8's heap breathes. 10 KiB a connection would be twice that. */
const BREATH_MIB = 64;

let host: string;
let stranger: ConnectionOptions;
const figures: string[] = [];

beforeAll(async () => {
  host = e2e.cluster.space.network.nodeIp;
  const elsewhere = await startDevApiServer();
  const identity = { user: 'admin', groups: ['system:masters'] };
  const { certificatePem: cert, keyPem: key } = await elsewhere.issueClientCertificate(identity);
  await elsewhere.stop();
  stranger = { cert, key };
});
afterAll(() => console.log(figures.join('\n')));

async function rssMib(): Promise<number> {
  const status = await readFile(`/proc/${e2e.cluster.kubelet.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

async function openFiles(): Promise<number> {
  return (await readdir(`/proc/${e2e.cluster.kubelet.pid}/fd`)).length;
}

/** A TLS connection; errors are its end, as far as a hostile client cares. */
async function tls(options: ConnectionOptions = {}): Promise<Socket> {
  const socket = connectTls({ host, port: PORT, rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  await happened(socket, 'secureConnect');
  return socket;
}

/** This, or its end: whoever is hostile does not mind being cut off. */
function happened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return void resolve();
    socket.once(event, () => resolve());
    socket.once('close', () => resolve());
  });
}

/** Everything that comes back until the server closes the connection. */
async function say(text: string | Buffer): Promise<string> {
  const socket = await tls({ ALPNProtocols: ['http/1.1'] });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(text);
  await happened(socket, 'close');
  return answer;
}

const statusOf = (answer: string): string => /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'closed';

/** Runs it so often, a few at a time. @returns how often each outcome was */
async function repeat(times: number, one: (i: number) => Promise<string>): Promise<string> {
  const counts = new Map<string, number>();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < times) {
      const outcome = await one((next += 1));
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  return [...counts].map(([outcome, count]) => `${count} × ${outcome}`).join(', ');
}

const MALFORMED = [
  'GET /exec/a/b/c HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: \0\x01\r\n\r\n',
  'GET /exec/a/b/c?output=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n\x80\x03\x00\x01garbage',
  'POST /attach/a/b/c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ?\r\n\r\n',
  'POST /portForward/a/b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n',
  'POST /run/a/b/c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'GET http://elsewhere/pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'GET /pods HTTP/9.9\r\n\r\n',
  'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'SSH-2.0-OpenSSH_9.2\r\n',
  '\0\0\0\0\0\0\0\0\r\n\r\n',
  'GET /logs/..%2f..%2fetc%2fshadow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
];

async function slowly(): Promise<string> {
  const socket = await tls({ ALPNProtocols: ['http/1.1'] });
  socket.write('GET /pods HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const drip = setInterval(() => socket.write('a'), 500);
  await happened(socket.resume(), 'close');
  clearInterval(drip);
  return 'closed';
}

async function bigBody(): Promise<string> {
  const socket = await tls({ ALPNProtocols: ['http/1.1'] });
  socket.write(`POST /run/a/b/c HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
  const block = Buffer.alloc(64 * 1024);
  const more = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', more).resume();
  more();
  await happened(socket, 'close');
  return socket.bytesWritten < 64 * MIB ? 'cut off' : `took ${socket.bytesWritten} bytes`;
}

async function resets(): Promise<string> {
  const session = connectHttp2(`https://${host}:${PORT}`, { rejectUnauthorized: false });
  session.on('error', () => undefined);
  for (let i = 0; i < 200 && !session.destroyed && !session.closed; i += 1) {
    const stream = session.request({ ':path': '/pods' });
    stream.on('error', () => undefined);
    stream.close();
    if (i % 50 === 0) await new Promise(setImmediate);
  }
  session.destroy();
  return 'reset';
}

async function withToken(i: number): Promise<string> {
  const headers = { authorization: `Bearer nobody-${i}-${Math.random()}` };
  const { promise, resolve } = Promise.withResolvers<string>();
  const options = {
    host,
    port: PORT,
    path: '/pods',
    headers,
    rejectUnauthorized: false,
    agent: false,
  };
  request(options, (answer) => resolve(String(answer.resume().statusCode)))
    .on('error', () => resolve('closed'))
    .end();
  return promise;
}

/** Idle connections, kept as long as the server keeps them. @returns how many it still holds */
async function idle(count: number): Promise<string> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i += 1) {
    const socket = connectTcp({ host, port: PORT });
    socket.on('error', () => undefined);
    sockets.push(socket);
    if (i % 100 === 99) await happened(socket, 'connect');
  }
  const held = await openFiles();
  expect(await answers()).toBe('ok');
  for (const socket of sockets) socket.destroy();
  return `${count} came, the kubelet held ${held} files`;
}

/** To those who may ask, by way of the API server. */
async function answers(): Promise<string> {
  const kubectl = (await findKubectls()).at(-1)!.path;
  const path = `/api/v1/nodes/${e2e.cluster.nodeName}/proxy/healthz`;
  return runCommand([kubectl, '--kubeconfig', e2e.cluster.kubeconfig, 'get', '--raw', path]);
}

const attacks: readonly (readonly [string, () => Promise<string>])[] = [
  [
    'malformed requests and upgrades',
    () => repeat(600, async (i) => statusOf(await say(MALFORMED[i % MALFORMED.length] ?? ''))),
  ],
  [
    'headers of 1 MiB',
    () =>
      repeat(100, async () =>
        statusOf(await say(`GET / HTTP/1.1\r\nX: ${'x'.repeat(MIB)}\r\n\r\n`)),
      ),
  ],
  [
    '20,000 headers each',
    () =>
      repeat(50, async () =>
        statusOf(await say(`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(20_000)}\r\n`)),
      ),
  ],
  ['bodies of 1 GiB', () => repeat(20, bigBody)],
  ['bytes that are no TLS', () => repeat(200, noTls)],
  ['certificates of another CA', () => repeat(200, () => unknownCertificate())],
  ['HTTP/2 streams that are reset at once', () => repeat(100, resets)],
  ['tokens of nobody', () => repeat(600, withToken)],
  ['connections that stay idle', () => idle(10_000)],
];

async function noTls(): Promise<string> {
  const socket = connectTcp({ host, port: PORT });
  socket.on('error', () => undefined);
  socket.end(Buffer.alloc(4096, 'GET / HTTP/1.0\r\n\r\n'));
  await happened(socket.resume(), 'close');
  return 'closed';
}

async function unknownCertificate(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const options = {
    host,
    port: PORT,
    path: '/pods',
    rejectUnauthorized: false,
    agent: false,
    ...stranger,
  };
  request(options, (answer) => resolve(String(answer.resume().statusCode)))
    .on('error', () => resolve('closed'))
    .end();
  return promise;
}

describe('hostile clients', { timeout: 600_000 }, () => {
  let pid: number;
  let first: { rss: number; files: number };

  it.each(attacks)('%s change nothing', async (name, attack) => {
    pid ??= e2e.cluster.kubelet.pid;
    const outcome = await attack();
    figures.push(`${name}: ${outcome}; ${(await rssMib()).toFixed(0)} MiB`);
    e2e.cluster.assertRunning();
    expect(await answers()).toBe('ok');
    expect(outcome).not.toMatch(/× 200|took/);
  });

  it('who send slowly are not waited for', async () => {
    figures.push(`slow clients: ${await repeat(50, slowly)}`);
    expect(await answers()).toBe('ok');
  });

  it('leave nothing behind, however often they come', async () => {
    first = await settled();
    for (const [, attack] of attacks.filter(([name]) => !name.includes('bodies'))) await attack();
    const second = await settled();
    figures.push(
      `after the first round ${first.rss.toFixed(0)} MiB and ${first.files} files, after the second ${second.rss.toFixed(0)} MiB and ${second.files} files`,
    );
    expect(e2e.cluster.kubelet.pid).toBe(pid);
    expect(second.rss).toBeLessThan(first.rss + BREATH_MIB);
    expect(second.files).toBeLessThan(first.files + 20);
  });
});

/** Once the connections are gone and the memory has been given back. */
async function settled(): Promise<{ rss: number; files: number }> {
  let before = { rss: Infinity, files: Infinity };
  return waitFor(
    async () => {
      const now = { rss: await rssMib(), files: await openFiles() };
      const isCalm = Math.abs(now.rss - before.rss) < 4 && now.files === before.files;
      before = now;
      return isCalm && now.files < 100 ? now : undefined;
    },
    { what: 'the kubelet to settle', everyMs: 3000, timeoutMs: 240_000 },
  );
}
