import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { answers, expectNothingLeft, happened, heldBy, repeat, settled } from './hostile.ts';

/**
 * Attacks that an authorized client can make with a WebSocket session in the kubelet. The kubelet
 * must stay the same process, answer others, and in the end not use more resources than after the
 * first round.
 */
const e2e = useCluster();
const PORT = 10_250;
const MIB = 1024 * 1024;
const figures: string[] = [];

let credentials: { cert: string; key: string };

beforeAll(async () => {
  const { user } = await loadKubeconfig({ path: e2e.cluster.kubeconfig });
  const { certificate, key } = user.clientCertificate ?? {};
  if (certificate?.kind !== 'inline' || key?.kind !== 'inline') throw new Error('no certificate');
  credentials = { cert: certificate.text, key: key.text };
  const image = { image: 'nodeagent.test/busybox:1', imagePullPolicy: 'Never' };
  await e2e.createPod({ name: 'box', container: { ...image, command: ['sleep', '1000000'] } });
  await e2e.waitForPod('box', 'to run', ({ status }) => status?.phase === 'Running');
});
afterAll(() => console.log(figures.join('\n')));

const exec = (command: string): string =>
  `/exec/${e2e.namespace}/box/main?input=1&output=1&command=${command}`;
const tunnel = (): string => `/portForward/${e2e.namespace}/box?ports=80`;

/** The bytes after the handshake; undefined when there is no session. */
async function upgrade(path: string): Promise<Socket | undefined> {
  const host = e2e.cluster.space.network.nodeIp;
  const socket = connectTls({ host, port: PORT, rejectUnauthorized: false, ...credentials });
  socket.on('error', () => undefined);
  await happened(socket, 'secureConnect');
  const isTunnel = path.startsWith('/portForward');
  const protocol = isTunnel ? 'SPDY/3.1+portforward.k8s.io' : 'v5.channel.k8s.io';
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let head = '';
  while (!head.includes('\r\n\r\n')) {
    await happened(socket, 'readable');
    if (socket.destroyed) return undefined;
    head += (socket.read() as Buffer | null)?.toString('latin1') ?? '';
  }
  const isAgreed = head.includes(`\r\nSec-WebSocket-Protocol: ${protocol}\r\n`);
  return head.startsWith('HTTP/1.1 101') && isAgreed ? socket : undefined;
}

interface FrameParts {
  /** FIN, the reserved bits and the opcode. */
  readonly first: number;
  readonly payload?: Buffer;
  readonly isMasked?: boolean;
  /** The length that the frame claims, true or not. */
  readonly length?: bigint;
}

function frame({ first, payload = Buffer.alloc(0), isMasked = true, length }: FrameParts): Buffer {
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = (isMasked ? 0x80 : 0) | 127;
  head.writeBigUInt64BE(length ?? BigInt(payload.length), 2);
  const short = Buffer.from([first, (isMasked ? 0x80 : 0) | payload.length]);
  const isShort = length === undefined && payload.length < 126;
  // a mask of zeros changes nothing
  return Buffer.concat([isShort ? short : head, Buffer.alloc(isMasked ? 4 : 0), payload]);
}

const MALFORMED: Readonly<Record<string, Buffer>> = {
  'a ping in pieces': frame({ first: 0x09 }),
  'a ping of 126 bytes': frame({ first: 0x89, payload: Buffer.alloc(126) }),
  '2^63 bytes': frame({ first: 0x82, length: 2n ** 63n }),
  '2^64 - 1 bytes': frame({ first: 0x82, length: 2n ** 64n - 1n }),
  '2^53 bytes': frame({ first: 0x82, length: 2n ** 53n }),
  '17 MiB': frame({ first: 0x82, length: BigInt(17 * MIB) }),
  'no mask': frame({ first: 0x82, payload: Buffer.from([0, 1]), isMasked: false }),
  'reserved bits': frame({ first: 0xf2, payload: Buffer.from([0, 1]) }),
  'a reserved opcode': frame({ first: 0x83, payload: Buffer.from([0, 1]) }),
  'a reserved control opcode': frame({ first: 0x8f }),
  'a continuation without a start': frame({ first: 0x80, payload: Buffer.from([0, 1]) }),
  'text that is not UTF-8': frame({ first: 0x81, payload: Buffer.from([0xff, 0xfe]) }),
  'a close of one byte': frame({ first: 0x88, payload: Buffer.from([3]) }),
  'a close with a forbidden code': frame({ first: 0x88, payload: Buffer.from([3, 0xed]) }),
  'a close that is not UTF-8': frame({
    first: 0x88,
    payload: Buffer.from([3, 0xe8, 0xff, 0xfe]),
  }),
  '100,000 pieces of a byte': Buffer.concat([
    frame({ first: 0x02, payload: Buffer.from([0]) }),
    ...Array.from({ length: 100_000 }, () => frame({ first: 0x00, payload: Buffer.from([0]) })),
  ]),
};

/** Returns the code of the server's last frame, when it closes the session. */
async function malformed(i: number): Promise<string> {
  const all = Object.values(MALFORMED);
  const isTunnel = Math.floor(i / all.length) % 2 === 0;
  const socket = await upgrade(isTunnel ? tunnel() : exec('cat'));
  if (socket === undefined) return 'no session';
  let tail = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-4);
  });
  socket.write(all[i % all.length] ?? '');
  await happened(socket, 'close');
  const isClose = tail[0] === 0x88 && tail[1] === 2;
  return isClose ? `closed with ${tail.readUInt16BE(2)}` : 'cut off';
}

/** Sends a ping of SPDY, which the runtime sends back. @returns the received bytes */
async function pingThroughTunnel(): Promise<Buffer> {
  const socket = await upgrade(tunnel());
  if (socket === undefined) throw new Error('no session');
  socket.write(frame({ first: 0x82, payload: SPDY_PING }));
  let answer = Buffer.alloc(0);
  let bytes = Buffer.alloc(0);
  while (answer.length < SPDY_PING.length && !socket.destroyed) {
    await happened(socket, 'readable');
    bytes = Buffer.concat([bytes, (socket.read() as Buffer | null) ?? Buffer.alloc(0)]);
    // The same number of messages as the runtime's answer had.
    for (let end = endOfMessage(bytes); end <= bytes.length; end = endOfMessage(bytes)) {
      expect(bytes[0]).toBe(0x82);
      answer = Buffer.concat([answer, bytes.subarray(2, end)]);
      bytes = bytes.subarray(end);
    }
  }
  socket.destroy();
  return answer;
}

/** The payload of a short message without a mask. */
function endOfMessage(bytes: Buffer): number {
  return 2 + (bytes[1] ?? 0);
}

/** SPDY/3.1, type 6, without flags, four bytes: the client's number 1. */
const SPDY_PING = Buffer.from('800300060000000400000001', 'hex');

/** Sends endless pings and reads no answers. @returns whether the server made it wait */
async function floodOfPings(): Promise<string> {
  const socket = await upgrade(exec('cat'));
  if (socket === undefined) return 'no session';
  socket.pause();
  const ping = frame({ first: 0x89, payload: Buffer.alloc(125) });
  const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
  const most = 256 * MIB;
  while (socket.bytesWritten < most && !socket.destroyed) {
    if (socket.write(pings)) continue;
    const patience = new Promise<'waits'>((resolve) => setTimeout(resolve, 4000, 'waits'));
    const how = await Promise.race([happened(socket, 'drain'), patience]);
    if (how === 'waits') break;
  }
  const outcome = socket.bytesWritten < most ? 'made to wait' : 'took all of it';
  socket.destroy();
  return outcome;
}

/**
 * Runs an endless command with a client that never reads, while other clients continue to be
 * served.
 */
async function neverRead(): Promise<string> {
  const socket = await upgrade(exec('yes'));
  if (socket === undefined) return 'no session';
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  socket.destroy();
  return 'held back';
}

/** @returns the number of sessions, and the kubelet's resources during them */
async function silent(count: number): Promise<string> {
  const sockets: Socket[] = [];
  const outcome = await repeat(count, async () => {
    const socket = await upgrade(tunnel());
    if (socket === undefined) return 'turned away';
    sockets.push(socket);
    return 'let in';
  });
  const { rss, files } = await heldBy(e2e);
  for (const socket of sockets) socket.destroy();
  return `${outcome}, with ${rss.toFixed(0)} MiB and ${files} files held`;
}

const attacks: readonly (readonly [string, () => Promise<string>])[] = [
  ['malformed frames', () => repeat(10 * Object.keys(MALFORMED).length, malformed, 10)],
  ['pings of clients that never read', () => repeat(20, floodOfPings, 20)],
  ['output for clients that never read', () => repeat(20, neverRead, 20)],
  ['silent sessions', () => silent(1000)],
];

describe('hostile WebSockets', { timeout: 600_000 }, () => {
  let pid: number | undefined;

  it('serve a well-behaved client: a tunnel carries SPDY both ways', async () => {
    const answer = await pingThroughTunnel();
    expect(answer).toEqual(SPDY_PING);
  });

  it.each(attacks)('%s change nothing', async (name, attack) => {
    pid ??= e2e.cluster.kubelet.pid;
    const outcome = await attack();
    figures.push(`${name}: ${outcome}; ${(await heldBy(e2e)).rss.toFixed(0)} MiB`);
    e2e.cluster.assertRunning();
    expect(outcome).toMatch(/closed with|made to wait|held back|let in/);
    expect(outcome).not.toMatch(/no session|took/);
    await settled(e2e);
    expect(await answers(e2e)).toBe('ok');
  });

  it('leave nothing behind, however often they come', async () => {
    expect(e2e.cluster.kubelet.pid).toBe(pid);
    const again = attacks.map(([, attack]) => attack);
    await expectNothingLeft(e2e, again, figures);
  });
});
