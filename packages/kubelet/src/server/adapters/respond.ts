import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { connect as connectTcp, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { proxyUpgrade } from '@nodeagent/component-base/upgrade';

import {
  CHANNELS_V5,
  parseSocketProtocols,
  PORT_FORWARD_TUNNEL,
} from '../codec/socket-protocols.js';
import {
  type Answer,
  type BodyAnswer,
  failure,
  type ProxyAnswer,
  type StreamAnswer,
} from '../model/exchange.js';
import type { UpgradeExchange } from './upgrade-exchange.js';

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** The client did not read a piece of its answer in time. */
export class StalledError extends Error {
  override readonly name = 'StalledError';
}

export interface RespondOptions {
  /** Maximum time for a piece to leave this process, in milliseconds. */
  readonly stallMs: number;
  /** Fires when the client disconnects. */
  readonly signal: AbortSignal;
}

/** A longer body is written in pieces of this size. */
const PIECE_BYTES = 64 * 1024;

/**
 * Writes an answer; resolves once it is sent or the client has disconnected.
 *
 * @throws {StalledError} if the client does not read it
 */
export async function respond(
  answer: Exclude<Answer, { kind: 'proxy' }>,
  response: AnyResponse,
  options: RespondOptions,
): Promise<void> {
  if (answer.kind === 'stream') return sendStream(answer, response, options);
  return sendBody(answer, response, options);
}

async function sendBody(
  { status, contentType, body, headers = {} }: BodyAnswer,
  to: AnyResponse,
  options: RespondOptions,
): Promise<void> {
  to.statusCode = status;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const all = { ...headers, 'content-type': contentType, 'content-length': String(bytes.length) };
  for (const [name, value] of Object.entries(all)) to.setHeader(name, value);
  let at = 0;
  if (to.req.method === 'HEAD') at = bytes.length;
  for (; bytes.length - at > PIECE_BYTES; at += PIECE_BYTES) {
    await write(to, bytes.subarray(at, at + PIECE_BYTES), options);
    if (options.signal.aborted) return;
  }
  await inTime(options, (done) => (to as ServerResponse).end(bytes.subarray(at), done));
}

/** Headers go out with the first piece, so an earlier failure can still set the status. */
async function sendStream(
  { contentType, chunks }: StreamAnswer,
  response: AnyResponse,
  options: RespondOptions,
): Promise<void> {
  const { signal } = options;
  const head = { begun: false };
  const begin = (): void => {
    if (head.begun) return;
    head.begun = true;
    response.statusCode = 200;
    response.setHeader('content-type', contentType);
    response.setHeader('x-content-type-options', 'nosniff');
  };
  try {
    for await (const chunk of chunks) {
      begin();
      await write(response, chunk, options);
      if (signal.aborted) return;
    }
    begin();
    response.end();
  } catch (error) {
    if (error instanceof StalledError) throw error;
    if (signal.aborted) return;
    const text = error instanceof Error ? error.message : String(error);
    if (!head.begun) await sendBody(failure(400, text), response, options);
    else (response as ServerResponse).destroy();
  }
}

/**
 * Resolves once the piece has left this process and its memory may be reused, or the client is
 * gone.
 */
function write(response: AnyResponse, chunk: Uint8Array, options: RespondOptions): Promise<void> {
  // A failed write is followed by the end of the connection.
  return inTime(options, (done) => (response as ServerResponse).write(chunk, done));
}

/** Waits for the operation, or for the client to disconnect. @throws {StalledError} */
function inTime(
  { stallMs, signal }: RespondOptions,
  begin: (done: () => void) => void,
): Promise<void> {
  // A closed connection calls no callbacks, and its end was already signalled.
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
    };
    const done = (): void => {
      leave();
      resolve();
    };
    const timer = setTimeout(() => {
      leave();
      reject(new StalledError(`the client read nothing for ${stallMs} ms`));
    }, stallMs);
    signal.addEventListener('abort', done, { once: true });
    begin(done);
  });
}

/**
 * Answers an upgrade request: joins the connection to the runtime's server, or sends a normal
 * answer and closes our direction of the connection.
 *
 * @returns true if the connections were joined
 * @throws {StalledError} if the client does not read the answer
 */
export async function respondUpgrade(
  answer: Answer,
  exchange: UpgradeExchange,
  options: RespondOptions & Readonly<{ idleTimeoutMs: number }>,
): Promise<boolean> {
  const { request, socket, head } = exchange;
  if (answer.kind === 'proxy') {
    const url = new URL(answer.url);
    const header = request.headers['sec-websocket-protocol'];
    const { offered } = parseSocketProtocols(header);
    const protocol = protocolToEnd(answer, offered);
    if (protocol !== undefined) {
      answer.session?.onSocket();
      const { endWebSocket } = await import('./end-websocket.js');
      const { streams } = answer.session ?? {};
      const connect = (): Socket => connectTo(url);
      const { idleTimeoutMs } = options;
      await endWebSocket(exchange, { protocol, url, connect, streams, idleTimeoutMs });
      return true;
    }
    const { kind } = await proxyUpgrade(
      { request, socket, head },
      {
        connect: (onread) => connectTo(url, onread),
        host: url.host,
        path: `${url.pathname}${url.search}`,
        // The kubelet authorizes the caller; the runtime must not see the credentials.
        withhold: ['authorization'],
        ...(header !== undefined && { headers: { 'Sec-WebSocket-Protocol': offered.join(', ') } }),
        idleTimeoutMs: options.idleTimeoutMs,
      },
    );
    return kind === 'joined';
  }
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    socket.end();
    // The end of the connection is noticed only if preceding data is read.
    socket.resume();
  });
  await respond(answer, response, options);
  return false;
}

/** The sub-protocol to terminate here; undefined leaves the session to the runtime. */
function protocolToEnd(
  { session }: ProxyAnswer,
  offered: readonly string[],
): typeof CHANNELS_V5 | typeof PORT_FORWARD_TUNNEL | undefined {
  if (session === undefined) return undefined;
  const ours = session.subresource === 'portforward' ? PORT_FORWARD_TUNNEL : CHANNELS_V5;
  return offered.includes(ours) ? ours : undefined;
}

/** The runtime's certificate is self-signed, but its URL came over the runtime's own socket. */
function connectTo({ protocol, hostname, port }: URL, onread?: OnReadOpts): Socket {
  const host = hostname.replace(/^\[|\]$/g, '');
  const reading = onread && { onread };
  if (protocol !== 'https:') {
    return connectTcp({ host, port: Number(port || 80), allowHalfOpen: true, ...reading });
  }
  return connectTls({
    ...{ host, port: Number(port || 443), allowHalfOpen: true, ...reading },
    rejectUnauthorized: false,
  });
}
