import { Buffer } from 'node:buffer';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { WebSocket } from 'ws';

import {
  type ChannelProtocol,
  encodeEndOfChannel,
  encodeFrames,
  encodeResize,
} from '../codec/channel-frame.js';
import type { ConnectionFailure } from '../model/failure.js';
import { judgePeer, type PeerState, type Pings } from '../plan/liveness.js';
import type { ChannelHandlers, ChannelSocket, OpenChannels } from '../ports.js';

export type { Pings };

/** Enough bytes of a refusal's body for any Status object. */
const MAX_REFUSAL_BYTES = 1 << 20;
/** Normal, going away, and a close without a code; any other close cuts something off. RFC 6455, 7.4.1 */
const ORDERLY: ReadonlySet<number> = new Set([1000, 1001, 1005]);
/** A close without a closing message: the connection broke. */
const BROKEN = 1006;

/** One request for a WebSocket, and how its errors are made. */
export interface WebSocketOptions {
  /** `http` or `ws`, `https` or `wss`, with the query. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** False: the server's certificate is not verified. */
  readonly rejectUnauthorized?: boolean;
  /** Makes the connection, with its TLS handshake; it is made to the URL's host when absent. */
  readonly connect?: () => Promise<Duplex>;
  /** Maximum time until the server answers; no limit when absent. */
  readonly answerTimeoutMs?: number;
  /** Keeps idle connections open and finds a peer that vanished; no pings when absent. */
  readonly pings?: Pings;
  /** Ends the connection when it fires. */
  readonly signal: AbortSignal;
  readonly toError: (failure: ConnectionFailure) => Error;
}

/**
 * Opens sessions over WebSocket. The result rejects with an error of `toError` when the server refuses
 * or no connection is made, and with the signal's reason.
 *
 * @example
 *   const signal = AbortSignal.timeout(60_000);
 *   const toError = (failure: object) => new Error(JSON.stringify(failure));
 *   const open = webSocket({ url: 'http://127.0.0.1:1/exec/token', signal, toError });
 *   await open(['v5.channel.k8s.io'], { data: () => true, closed: () => undefined }).catch(
 *     (error: unknown) => console.log(String(error).includes('ECONNREFUSED')),
 *   );
 */
export function webSocket(options: WebSocketOptions): OpenChannels {
  return async (protocols, handlers) => {
    const { connect, signal } = options;
    signal.throwIfAborted();
    const connection = connect === undefined ? undefined : await connected(connect, options);
    return opened(protocols, { handlers, options, connection });
  };
}

/** Makes a connection; one that is made after the signal fired is closed. */
function connected(
  connect: () => Promise<Duplex>,
  { signal, toError }: WebSocketOptions,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    connect()
      .then(
        (connection) => {
          if (signal.aborted) connection.destroy();
          else resolve(connection);
        },
        (error: unknown) => {
          const cause = error instanceof Error ? error : new Error(String(error));
          reject(toError({ kind: 'broken', opened: false, cause }));
        },
      )
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

interface Opening {
  readonly handlers: ChannelHandlers;
  readonly options: WebSocketOptions;
  readonly connection: Duplex | undefined;
}

function opened(
  protocols: readonly ChannelProtocol[],
  { handlers, options, connection }: Opening,
): Promise<ChannelSocket> {
  const { url, headers, rejectUnauthorized, answerTimeoutMs, signal, toError } = options;
  const { promise, resolve, reject } = Promise.withResolvers<ChannelSocket>();
  const socket = new WebSocket(url.replace(/^http/, 'ws'), [...protocols], {
    perMessageDeflate: false,
    ...(headers !== undefined && { headers: headers as Record<string, string | string[]> }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    ...(connection !== undefined && { createConnection: () => connection }),
  });
  let channels: OpenSocket | undefined;
  let failure: Error | undefined;
  const broken = (cause: Error): Error =>
    toError({ kind: 'broken', opened: channels !== undefined, cause });
  const end = (error: Error): void => {
    failure ??= error;
    socket.terminate();
  };
  const abort = (): void => end(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  // the library's own limit needs a connection that it makes itself
  const waiting =
    answerTimeoutMs === undefined
      ? undefined
      : setTimeout(() => end(broken(noAnswer(answerTimeoutMs))), answerTimeoutMs);
  socket.on('unexpected-response', (_request: ClientRequest, response: IncomingMessage) => {
    refusal(response, toError).then(end, (cause: unknown) => end(broken(cause as Error)));
  });
  socket.on('error', (cause) => {
    failure ??= broken(cause);
  });
  socket.on('close', (code, reason) => {
    clearTimeout(waiting);
    signal.removeEventListener('abort', abort);
    if (!ORDERLY.has(code)) failure ??= broken(closeError(code, reason.toString()));
    if (channels === undefined) return reject(failure ?? broken(new Error('closed')));
    const wasAsked = channels.closed();
    handlers.closed(wasAsked && !signal.aborted ? undefined : failure);
  });
  socket.on('open', () => {
    clearTimeout(waiting);
    channels = new OpenSocket(socket, handlers, {
      pings: options.pings,
      vanished: (cause) => end(broken(cause)),
    });
    resolve(channels);
  });
  return promise;
}

function closeError(code: number, reason: string): Error {
  if (code === BROKEN) return new Error('the connection broke');
  return new Error(`the server closed the connection with ${code} ${reason}`.trimEnd());
}

function noAnswer(afterMs: number): Error {
  return new Error(`no answer for ${afterMs / 1000} s`);
}

interface Watch {
  readonly pings: Pings | undefined;
  /** Called when the peer has given no sign of life for too long. */
  readonly vanished: (cause: Error) => void;
}

/** A WebSocket after its handshake. */
class OpenSocket implements ChannelSocket {
  readonly protocol: ChannelProtocol;
  readonly #socket: WebSocket;
  readonly #pinging: NodeJS.Timeout | undefined;
  #peer: PeerState = { heardAtMs: performance.now(), sent: 0, read: 0 };
  #isClosing = false;

  constructor(socket: WebSocket, handlers: ChannelHandlers, { pings, vanished }: Watch) {
    this.#socket = socket;
    this.protocol = socket.protocol as ChannelProtocol;
    socket.on('message', (message: Buffer) => {
      this.#heard();
      const [channel] = message;
      if (channel === undefined || this.#isClosing) return;
      if (!handlers.data(channel, message.subarray(1))) socket.pause();
    });
    if (pings === undefined) return;
    socket.on('ping', () => this.#heard());
    socket.on('pong', (text: Buffer) => {
      this.#heard();
      this.#peer = { ...this.#peer, read: Number(text.toString()) };
    });
    this.#pinging = setInterval(() => this.#ping(pings, vanished), pings.everyMs).unref();
  }

  send(channel: number, data: Uint8Array, done: (error?: Error | null) => void): void {
    this.#sent();
    const frames = [...encodeFrames(channel, data)];
    const last = frames.pop();
    if (last === undefined) return done();
    for (const frame of frames) this.#socket.send(frame);
    this.#socket.send(last, done);
  }

  sendEnd(channel: number): boolean {
    if (this.protocol !== 'v5.channel.k8s.io') return false;
    this.#sent();
    this.#socket.send(encodeEndOfChannel(channel));
    return true;
  }

  sendSize(columns: number, rows: number): void {
    this.#sent();
    this.#socket.send(encodeResize(columns, rows));
  }

  resume(): void {
    this.#heard();
    this.#socket.resume();
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.close();
    this.#socket.resume(); // the peer's close may be behind data that nobody reads
  }

  /** Called when it has closed. @returns true when {@link close} asked for it */
  closed(): boolean {
    clearInterval(this.#pinging);
    return this.#isClosing;
  }

  #heard(): void {
    this.#peer = { ...this.#peer, heardAtMs: performance.now() };
  }

  #sent(): void {
    this.#peer = { ...this.#peer, sent: this.#peer.sent + 1 };
  }

  #ping({ patienceMs }: Pings, vanished: Watch['vanished']): void {
    const socket = this.#socket;
    const judged = { nowMs: performance.now(), reading: !socket.isPaused, patienceMs };
    const { alive, state } = judgePeer(this.#peer, judged);
    this.#peer = state;
    if (!alive) {
      vanished(new Error(`no sign of life from the server for ${patienceMs / 1000} s`));
    } else if (socket.readyState === socket.OPEN) {
      socket.ping(`${state.sent}`);
    }
  }
}

async function refusal(
  response: IncomingMessage,
  toError: WebSocketOptions['toError'],
): Promise<Error> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_REFUSAL_BYTES) break;
  }
  return toError({
    kind: 'refused',
    httpStatus: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'],
    text: Buffer.concat(chunks).toString(),
  });
}
