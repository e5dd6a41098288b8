import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import { startDevApiServer } from '@nodeagent/dev-apiserver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { answers, expectNothingLeft, happened, heldBy, repeat } from './hostile.ts';

/**
 * Attacks that strangers can make on port 10250, thousands of times. After each kind of attack the
 * kubelet must be the same process and still answer authorized clients; in the end it must not use
 * more resources than after the first round.
 */
const e2e = useCluster();
const PORT = 10_250;
const MIB = 1024 * 1024;

let host: string;
let stranger: ConnectionOptions;
/** They start first, and send slowly during the other attacks. */
let slow: Promise<string>;
const figures: string[] = [];

beforeAll(async () => {
  host = e2e.cluster.space.network.nodeIp;
  const elsewhere = await startDevApiServer();
  const identity = { user: 'admin', groups: ['system:masters'] };
  const { certificatePem: cert, keyPem: key } = await elsewhere.issueClientCertificate(identity);
  await elsewhere.stop();
  stranger = { cert, key };
  slow = repeat(50, slowly);
});
afterAll(() => console.log(figures.join('\n')));

/** Opens a TLS connection; errors only end it, since the client is hostile. */
async function tls(options: ConnectionOptions = {}): Promise<Socket> {
  const socket = connectTls({ host, port: PORT, rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  await happened(socket, 'secureConnect');
  return socket;
}

/** Returns everything received until the server closes the connection. */
async function say(text: string | Buffer): Promise<string> {
  const socket = await tls({ ALPNProtocols: ['http/1.1'] });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(text);
  await happened(socket, 'close');
  return answer;
}

const statusOf = (answer: string): string => /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'closed';

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

/** Sends a header, one more letter every half second, until it is disconnected. */
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

const REFUSED_UPGRADE =
  'GET /exec/a/b/c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';

/** Keeps the connections of refused clients open. */
async function holdRefused(count: number): Promise<string> {
  const sockets: Socket[] = [];
  const outcome = await repeat(count, async () => {
    const halfOpen = connectTcp({ host, port: PORT, allowHalfOpen: true });
    const socket = await tls({ ALPNProtocols: ['http/1.1'], socket: halfOpen });
    sockets.push(socket);
    socket.resume().write(REFUSED_UPGRADE);
    await happened(socket, 'end');
    return 'refused';
  });
  expect(await answers(e2e)).toBe('ok');
  for (const socket of sockets) socket.destroy();
  return outcome;
}

/** Opens streams with closed windows, so that their refusal cannot be sent. */
async function holdWithoutWindow(count: number): Promise<string> {
  const sessions: ClientHttp2Session[] = [];
  const outcome = await repeat(count, async () => {
    const session = connectHttp2(`https://${host}:${PORT}`, {
      rejectUnauthorized: false,
      settings: { initialWindowSize: 0 },
    });
    session.on('error', () => undefined);
    sessions.push(session);
    const stream = session.request({ ':path': '/pods' }).on('error', () => undefined);
    await new Promise((resolve) => stream.once('response', resolve).once('close', resolve));
    return 'refused';
  });
  expect(await answers(e2e)).toBe('ok');
  for (const session of sessions) session.destroy();
  return outcome;
}

/**
 * Keeps idle connections as long as the server does. @returns the number that the server still
 * holds
 */
async function idle(count: number): Promise<string> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i += 1) {
    const socket = connectTcp({ host, port: PORT });
    socket.on('error', () => undefined);
    sockets.push(socket);
    if (i % 100 === 99) await happened(socket, 'connect');
  }
  const held = (await heldBy(e2e)).files;
  expect(await answers(e2e)).toBe('ok');
  for (const socket of sockets) socket.destroy();
  return `${count} came, the kubelet held ${held} files`;
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
  ['bytes that are not TLS', () => repeat(200, noTls)],
  ['certificates of another CA', () => repeat(200, () => unknownCertificate())],
  ['HTTP/2 streams that are reset at once', () => repeat(100, resets)],
  ['unknown tokens', () => repeat(600, withToken)],
  ['refused upgrades that stay open', () => holdRefused(600)],
  ['HTTP/2 streams without a window', () => holdWithoutWindow(600)],
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
  let pid: number | undefined;

  it.each(attacks)('%s do no harm', async (name, attack) => {
    pid ??= e2e.cluster.kubelet.pid;
    const outcome = await attack();
    figures.push(`${name}: ${outcome}; ${(await heldBy(e2e)).rss.toFixed(0)} MiB`);
    e2e.cluster.assertRunning();
    expect(await answers(e2e)).toBe('ok');
    expect(outcome).not.toMatch(/× 200|took/);
  });

  it('that send slowly are disconnected', async () => {
    figures.push(`slow clients: ${await slow}`);
    expect(await answers(e2e)).toBe('ok');
  });

  it('leave nothing behind, however often they connect', async () => {
    expect(e2e.cluster.kubelet.pid).toBe(pid);
    const again = attacks.filter(([name]) => !name.includes('bodies')).map(([, attack]) => attack);
    await expectNothingLeft(e2e, again, figures);
  });
});
