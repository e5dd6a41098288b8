import { Buffer } from 'node:buffer';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { LentReads } from './lent-reads.js';

/** The arguments of an HTTP/1.1 server's `upgrade` event. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** Bytes that the client sent after its request. */
  readonly head: Buffer;
}

/** The backend that a client's upgraded connection is joined to. */
export interface UpgradeTarget {
  /**
   * Opens the connection to the backend, which may still be connecting. `connect` of `node:net` and
   * `node:tls` take the argument as `onread`, which saves memory for each read; a socket without it
   * is read like any other.
   */
  readonly connect: (onread: OnReadOpts) => Socket;
  /** The backend's name for the `Host` header. */
  readonly host: string;
  /** Includes the query. */
  readonly path: string;
  /** Headers to add; they replace the client's headers of the same name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Names of headers with the client's credentials, in lower case; they are not passed on. */
  readonly withhold?: readonly string[];
  /** The joined connections are closed after this much silence; 0 means never. */
  readonly idleTimeoutMs: number;
  /** Time limit for the backend's answer; 30 s when absent. */
  readonly answerTimeoutMs?: number;
}

/** The result of an upgrade, for logs and metrics. */
export interface UpgradeOutcome {
  /** `refused`: the client got an answer instead of a joined connection. */
  readonly kind: 'joined' | 'refused';
  /** The HTTP status that the client received. */
  readonly status: number;
  /** The reason why the backend could not be asked. */
  readonly error?: Error;
}

const OWN_HEADERS: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding']);
const DEFAULT_ANSWER_TIMEOUT_MS = 30_000;
/** Limit on the text of a refusal; the rest is cut off. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/**
 * Passes an upgrade on to a backend and, when the backend accepts, joins the two connections byte
 * for byte. The protocol that the two ends then speak, SPDY or WebSocket, does not matter. While
 * one end does not read, the other is not read either. The end of one direction is passed on and
 * leaves the other direction open until it ends too.
 *
 * A refusal (status 400 and up) is passed on with its text. Any other answer becomes a 500, an
 * unreachable backend a 502.
 *
 * @returns when the connections are joined, or the client has its answer; never rejects
 */
export function proxyUpgrade(
  client: UpgradeRequest,
  target: UpgradeTarget,
): Promise<UpgradeOutcome> {
  const { promise, resolve } = Promise.withResolvers<UpgradeOutcome>();
  const { socket, head } = client;
  const reads = new LentReads();
  const connect = (): Socket => reads.of(target.connect(reads.onread));
  const asked = ask(client, target, connect);
  const gone = (): void => void asked.destroy();
  socket.once('close', gone);
  socket.on('error', gone);
  let settled = false;
  const refuse = (status: number, text: string, more: Partial<UpgradeOutcome> = {}): void => {
    if (settled) return;
    settled = true;
    socket.off('close', gone);
    asked.destroy();
    refuseUpgrade(socket, status, text);
    resolve({ kind: 'refused', status, ...more });
  };
  asked.once('upgrade', (answer: IncomingMessage, server: Socket, first: Buffer) => {
    settled = true;
    asked.setTimeout(0);
    socket.off('close', gone);
    socket.off('error', gone);
    socket.write(responseHead(answer));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) server.write(head);
    join({ client: socket, server, reads }, target.idleTimeoutMs);
    resolve({ kind: 'joined', status: 101 });
  });
  asked.once('response', (answer: IncomingMessage) => {
    const status = answer.statusCode ?? 0;
    readText(answer, (text) => {
      if (status >= 400) refuse(status, text);
      else refuse(500, `invalid upgrade response: status code ${status}\n`);
    });
  });
  asked.once('timeout', () => asked.destroy(new Error('no answer to the upgrade request in time')));
  asked.on('error', (error: Error) => {
    if (socket.destroyed) resolve({ kind: 'refused', status: 0, error });
    else refuse(502, `error dialing backend: ${error.message}\n`, { error });
  });
  asked.setTimeout(target.answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS);
  asked.end();
  return promise;
}

/** Answers an upgrade with a plain-text error and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  socket.on('error', () => undefined); // the client may be gone: then no one is left to answer
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    'Content-Type: text/plain; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
}

function ask(
  { request, socket }: UpgradeRequest,
  target: UpgradeTarget,
  connect: () => Socket,
): ClientRequest {
  const { headers = {}, withhold = [] } = target;
  const dropped = new Set([
    ...OWN_HEADERS,
    ...withhold,
    ...Object.keys(headers).map((name) => name.toLowerCase()),
  ]);
  const passed: string[] = ['Host', target.host];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? '';
    if (!dropped.has(name.toLowerCase())) passed.push(name, request.rawHeaders[i + 1] ?? '');
  }
  const method = request.method ?? 'GET';
  if (method !== 'GET') passed.push('Content-Length', '0');
  const from = 'remoteAddress' in socket ? String(socket.remoteAddress) : undefined;
  if (from !== undefined && !dropped.has('x-forwarded-for')) passed.push('X-Forwarded-For', from);
  for (const [name, value] of Object.entries(headers)) passed.push(name, value);
  return httpRequest({
    method,
    path: target.path,
    headers: passed,
    createConnection: connect,
  });
}

function responseHead(answer: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function readText(answer: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let finished = false;
  const finish = (): void => {
    if (finished) return;
    finished = true;
    done(Buffer.concat(chunks).toString());
  };
  answer.on('data', (chunk: Buffer) => {
    chunks.push(chunk.subarray(0, MAX_REFUSAL_BYTES - size));
    size += chunk.length;
    if (size >= MAX_REFUSAL_BYTES) finish();
  });
  answer.once('end', finish);
  answer.once('close', finish);
  answer.once('error', finish);
}

interface Joined {
  readonly client: Duplex;
  readonly server: Socket;
  /** The backend's connection. */
  readonly reads: LentReads;
}

/**
 * Copies in both directions until both have ended, one fails, or nothing has moved for too long.
 */
function join({ client, server, reads }: Joined, idleTimeoutMs: number): void {
  const cut = (): void => {
    client.destroy();
    server.destroy();
  };
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', cut);
    // closed without an end: bytes on their way to it have no destination
    one.once('close', () => {
      if (one.readableEnded) other.end();
      else other.destroy();
    });
  }
  client.pipe(server);
  if (!reads.passTo(client)) server.pipe(client);
  // all bytes in either direction pass through this socket
  server.setTimeout(idleTimeoutMs);
  server.once('timeout', cut);
  server.setNoDelay(true);
  if ('setNoDelay' in client) (client as Socket).setNoDelay(true);
}
