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

/** The client did not take a piece of its answer in time. */
export class StalledError extends Error {
  override readonly name = 'StalledError';
}

export interface RespondOptions {
  /** How long a piece may take to leave this process, milliseconds. */
  readonly stallMs: number;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

/** Of a body that is longer, so much is given to the connection at a time. */
const PIECE_BYTES = 64 * 1024;

/**
 * Writes an answer; resolves when it is on its way or the client is gone.
 *
 * @throws {StalledError} the client does not take it
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

/** Headers go out with the first piece: until then a failure can still be told by a status. */
async function sendStream(
  { contentType, chunks }: StreamAnswer,
  response: AnyResponse,
  options: RespondOptions,
): Promise<void> {
  const { signal } = options;
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
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
    if (!begun) await sendBody(failure(400, text), response, options);
    else (response as ServerResponse).destroy();
  }
}

/** Until the piece has left this process, and its memory may be used again, or the client is gone. */
function write(response: AnyResponse, chunk: Uint8Array, options: RespondOptions): Promise<void> {
  // a failure to write is followed by the connection's end
  return inTime(options, (done) => (response as ServerResponse).write(chunk, done));
}

/** Until it is done or the client is gone. @throws {StalledError} */
function inTime(
  { stallMs, signal }: RespondOptions,
  begin: (done: () => void) => void,
): Promise<void> {
  // a connection that is gone calls nobody back, and its end has been told already
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
      reject(new StalledError(`the client took nothing for ${stallMs} ms`));
    }, stallMs);
    signal.addEventListener('abort', done, { once: true });
    begin(done);
  });
}

/**
 * Answers a request that wants its connection to become something else: joins it to the runtime's
 * server, or answers as any other and closes its own direction of it.
 *
 * @returns whether it was joined
 * @throws {StalledError} the client does not take the answer
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
        // who may do this is decided here, and is no concern of the runtime
        withhold: ['authorization'],
        ...(header !== undefined && { headers: { 'Sec-WebSocket-Protocol': offered.join(', ') } }),
        idleTimeoutMs: options.idleTimeoutMs,
      },
    );
    return kind === 'joined';
  }
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once('finish', () => {
    response.detachSocket(socket as Socket);
    socket.end();
    // its end is only noticed where what comes before is read
    socket.resume();
  });
  await respond(answer, response, options);
  return false;
}

/** The sub-protocol that ends here; undefined for what the runtime is left to deal with. */
function protocolToEnd(
  { session }: ProxyAnswer,
  offered: readonly string[],
): typeof CHANNELS_V5 | typeof PORT_FORWARD_TUNNEL | undefined {
  if (session === undefined) return undefined;
  const ours = session.subresource === 'portforward' ? PORT_FORWARD_TUNNEL : CHANNELS_V5;
  return offered.includes(ours) ? ours : undefined;
}

/** The runtime's certificate is its own, and its URL came over its own socket. */
function connectTo({ protocol, hostname, port }: URL, onread?: OnReadOpts): Socket {
  const host = hostname.replace(/^\[|\]$/g, '');
  const common = { allowHalfOpen: true, ...(onread !== undefined && { onread }) };
  if (protocol !== 'https:') {
    return connectTcp({ host, port: Number(port || 80), ...common });
  }
  return connectTls({ host, port: Number(port || 443), rejectUnauthorized: false, ...common });
}
