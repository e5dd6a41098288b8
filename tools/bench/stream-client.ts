/**
 * Makes and measures one transfer from inside the node's network. node-streams.ts runs it as a
 * separate program, because the runtime's streaming server listens only on the node's loopback.
 *
 *   node stream-client.ts '{"mode":"get","url":"https://…"}'
 */
import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { type ClientRequest, request as requestPlainly, type RequestOptions } from 'node:http';
import { request as requestSecurely } from 'node:https';
import type { Socket } from 'node:net';

/**
 * `file` reads a file; `get` an HTTP body; `output` and `input` are the two directions of an exec.
 */
export interface Transfer {
  readonly mode: 'file' | 'get' | 'output' | 'input';
  readonly url: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** For `input`: the number of bytes to send; the command answers when it has read them all. */
  readonly frames?: number;
}

/** Length of an input frame, including the byte for its channel. */
export const FRAME_BYTES = 64 * 1024;

function ask({ url, certFile, keyFile }: Transfer, headers: Record<string, string>): ClientRequest {
  const options: RequestOptions & { rejectUnauthorized: boolean; cert?: Buffer; key?: Buffer } = {
    headers,
    agent: false,
    rejectUnauthorized: false,
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
  };
  const request = url.startsWith('https') ? requestSecurely : requestPlainly;
  return request(url, options);
}

/** Counts the bytes until the end. */
function bytesOf(stream: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    stream.on('end', () => resolve(bytes));
    stream.on('error', reject);
  });
}

function get(transfer: Transfer): Promise<number> {
  return new Promise((resolve, reject) => {
    ask(transfer, {})
      .on('response', (response) => {
        if (response.statusCode === 200) bytesOf(response).then(resolve, reject);
        else reject(new Error(`${transfer.url} answered ${response.statusCode}`));
      })
      .on('error', reject)
      .end();
  });
}

function openSession(transfer: Transfer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      'sec-websocket-protocol': 'v4.channel.k8s.io',
      origin: 'http://localhost',
    };
    ask(transfer, headers)
      .on('upgrade', (_response, socket: Socket, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      })
      .on('response', (response) => reject(new Error(`no session: ${response.statusCode}`)))
      .on('error', reject)
      .end();
  });
}

/** A binary frame of zeros for channel 0; its mask is zeros too, so it changes nothing. */
function inputFrame(): Buffer {
  const header = Buffer.alloc(14);
  header.writeUInt16BE(0x82ff, 0);
  header.writeBigUInt64BE(BigInt(FRAME_BYTES), 2);
  return Buffer.concat([header, Buffer.alloc(FRAME_BYTES)]);
}

async function send(transfer: Transfer): Promise<number> {
  const socket = await openSession(transfer);
  const frame = inputFrame();
  let left = transfer.frames ?? 0;
  // a command that has read enough ends the session, possibly without a WebSocket close
  const taken = new Promise<void>((resolve) => socket.resume().once('close', () => resolve()));
  const failed: Error[] = [];
  socket.on('error', (error) => failed.push(error));
  const more = (): void => {
    while (left > 0) {
      left -= 1;
      if (!socket.write(frame)) return void socket.once('drain', more);
    }
  };
  more();
  await taken;
  const [error] = failed;
  if (left > 0) throw error ?? new Error(`the session ended ${left} frames too early`);
  return (transfer.frames ?? 0) * FRAME_BYTES;
}

async function measure(transfer: Transfer): Promise<number> {
  switch (transfer.mode) {
    case 'file':
      return bytesOf(createReadStream(transfer.url));
    case 'get':
      return get(transfer);
    case 'output':
      return bytesOf(await openSession(transfer));
    case 'input':
      return send(transfer);
  }
}

if (import.meta.main) {
  const startMs = performance.now();
  const bytes = await measure(JSON.parse(process.argv[2] ?? '') as Transfer);
  process.stdout.write(JSON.stringify({ bytes, ms: performance.now() - startMs }));
}
