import { Buffer } from 'node:buffer';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { LentReads } from './lent-reads.js';

/** What an HTTP/1.1 server's `upgrade` event hands over. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent behind its request. */
  readonly head: Buffer;
}

export interface UpgradeTarget {
  /**
   * The server behind: connected or about to be. What `connect` of `node:net` and `node:tls` take as
   * `onread` spares memory for each read; a socket that was not given it is read as any other.
   */
  readonly connect: (onread: OnReadOpts) => Socket;
  /** Its name for the `Host` header. */
  readonly host: string;
  /** With query. */
  readonly path: string;
  /** Added to the client's; a header of the client of the same name is dropped. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Names of headers that are the client's secret, in lower case: not passed on. */
  readonly withhold?: readonly string[];
  /** Silence after which the joined connections are cut; 0 for never. */
  readonly idleTimeoutMs: number;
  /** How long the server may take to accept; 30 s when absent. */
  readonly answerTimeoutMs?: number;
}

export interface UpgradeOutcome {
  /** Whether the connections were joined, else what the client was answered. */
  readonly kind: 'joined' | 'refused';
  readonly status: number;
  /** Why the server behind could not be asked. */
  readonly error?: Error;
}

const OWN_HEADERS: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding']);
const DEFAULT_ANSWER_TIMEOUT_MS = 30_000;
/** More of a refusal's text is not passed on. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/**
 * Passes an upgrade on to another server and, when that agrees, joins the two connections byte for
 * byte: whatever protocol the two ends speak then, SPDY or WebSocket, is theirs. What one end does
 * not take is not read from the other; the end of one direction is passed on, and leaves the other
 * open until it ends too.
 *
 * A refusal (status 400 and up) is passed on with its text; an answer that is neither becomes a
 * 500, a server that cannot be reached a 502.
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

/** Answers an upgrade with an error in plain text and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  socket.on('error', () => undefined); // the client may be gone: nobody is left to be told
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
  /** The server's. */
  readonly reads: LentReads;
}

/** Both ways until both have ended, one breaks, or nothing has moved for too long. */
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
    // gone without an end: what was on its way to it has nowhere to go
    one.once('close', () => {
      if (one.readableEnded) other.end();
      else other.destroy();
    });
  }
  client.pipe(server);
  if (!reads.passTo(client)) server.pipe(client);
  // what moves passes through this one, whichever way it goes
  server.setTimeout(idleTimeoutMs);
  server.once('timeout', cut);
  server.setNoDelay(true);
  if ('setNoDelay' in client) (client as Socket).setNoDelay(true);
}
