import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';

import type { TransportRequest, TransportResponse } from '../ports.js';
import { SilenceError, timerMs } from './silence-error.js';

/** Timings that decide whether a connection is alive. */
export interface Liveness {
  /** A PING is sent when nothing has arrived for this long. */
  readonly silenceMs: number;
  /** Time limit for the peer's answer to the PING. */
  readonly patienceMs: number;
}

/**
 * Bytes that one answer may send before it is read; client-go allows 4 MiB, more than a node can
 * spare.
 */
const STREAM_WINDOW_BYTES = 256 * 1024;
/** The same for all answers of a connection together. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** Longer answer headers are refused, as Node does for HTTP/1.1. */
const MAX_HEADER_BYTES = 16 * 1024;
/** Far below the 2^30 requests that exhaust a connection's stream identifiers. */
const MAX_REQUESTS = 2 ** 29;

/**
 * The connection ended before an answer was complete; corresponds to `ECONNRESET` of plain sockets.
 */
class CutError extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection was closed before the answer was complete');
  }
}

/**
 * The server did not start processing the request (RFC 9113 section 8.7): any request may be sent
 * again.
 */
export class RefusedError extends Error {
  constructor() {
    super('the server refused the stream');
  }
}

/** One HTTP/2 connection. It carries as many requests at a time as the server allows. */
export class Http2Connection {
  readonly #session: ClientHttp2Session;
  readonly #liveness: Liveness;
  #streams = 0;
  #requests = 0;
  #heardMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #failure: Error | undefined;

  private constructor(session: ClientHttp2Session, liveness: Liveness) {
    this.#session = session;
    this.#liveness = liveness;
    session.on('error', (error: Error) => (this.#failure ??= error));
    session.once('close', () => clearTimeout(this.#timer));
    session.unref(); // while no request uses it
    this.#wait(liveness.silenceMs);
  }

  /**
   * Starts HTTP/2 on a connection whose two sides have agreed on it.
   *
   * @param timeoutMs time limit for the server's settings
   */
  static async open(
    socket: Socket,
    options: Readonly<{ url: URL; liveness: Liveness; timeoutMs: number }>,
  ): Promise<Http2Connection> {
    const { url, liveness, timeoutMs } = options;
    const session = connect(url.origin, {
      createConnection: () => socket,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: MAX_HEADER_BYTES,
      },
    });
    session.on('error', () => undefined); // set at once; the close event follows an error
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    const late = setTimeout(() => session.destroy(new SilenceError(timeoutMs)), timeoutMs);
    const closed = new Promise<never>((_, reject) => {
      session.once('close', () => reject(new CutError()));
    });
    closed.catch(() => undefined); // reports the end only while the connection is being opened
    try {
      await Promise.race([once(session, 'remoteSettings'), closed]);
    } finally {
      clearTimeout(late);
    }
    return new Http2Connection(session, liveness);
  }

  /** Reports whether one more request can start now. */
  get hasRoom(): boolean {
    const { closed, destroyed, remoteSettings } = this.#session;
    const most = remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    return !closed && !destroyed && this.#streams < most && this.#requests < MAX_REQUESTS;
  }

  /** Called when no request is running any more. */
  onIdle: () => void = () => undefined;

  /** Called when the connection has ended. */
  onClose(listener: () => void): void {
    this.#session.once('close', listener);
  }

  /**
   * Opens the stream before it returns.
   *
   * @param path includes the server's prefix
   * @throws {RefusedError}
   */
  send(request: TransportRequest, path: string, signal: AbortSignal): Promise<TransportResponse> {
    const { method, headers, body } = request;
    const stream = this.#session.request(
      {
        ...(headers as Record<string, string | string[]>),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        ':method': method,
        ':path': path,
      },
      { endStream: body === undefined, signal },
    );
    this.#count(stream);
    return this.#answer(stream, request);
  }

  /** Lets current requests finish and starts no others. */
  close(): void {
    this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
  }

  #count(stream: ClientHttp2Stream): void {
    this.#requests += 1;
    this.#streams += 1;
    if (this.#streams === 1) this.#session.ref();
    stream.once('close', () => {
      this.#streams -= 1;
      if (this.#streams > 0) return;
      if (!this.#session.destroyed) this.#session.unref();
      this.onIdle();
    });
  }

  async #answer(stream: ClientHttp2Stream, request: TransportRequest): Promise<TransportResponse> {
    const { body, idleTimeoutMs, bodyIdleTimeoutMs = idleTimeoutMs } = request;
    // Node discards a short answer that ends before anyone reads it, so reading starts right away.
    const chunks = stream[Symbol.asyncIterator]();
    const first = chunks.next();
    first.catch(() => undefined); // the reader of the body gets the error
    let limitMs = idleTimeoutMs;
    stream.setTimeout(timerMs(limitMs), () => {
      stream.destroy(new SilenceError(limitMs));
      this.#ask(); // other requests on this connection may be waiting for a dead peer too
    });
    const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
      stream.once('response', resolve);
      stream.on('error', reject);
      stream.once('close', () => reject(this.#ending(stream)));
      if (body !== undefined) stream.end(body);
    }).catch((error: unknown) => {
      const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      throw isRefused ? new RefusedError() : error;
    });
    this.#heardMs = performance.now();
    limitMs = bodyIdleTimeoutMs;
    stream.setTimeout(timerMs(limitMs));
    return {
      httpStatus: Number(headers[':status']),
      retryAfter: headers['retry-after'],
      body: this.#read(stream, chunks, first),
    };
  }

  async *#read(
    stream: ClientHttp2Stream,
    chunks: AsyncIterator<Uint8Array>,
    first: Promise<IteratorResult<Uint8Array>>,
  ): AsyncGenerator<Uint8Array> {
    try {
      for (let next = await first; next.done !== true; next = await chunks.next()) {
        this.#heardMs = performance.now();
        yield next.value;
      }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      throw code === 'ERR_STREAM_PREMATURE_CLOSE' ? this.#ending(stream) : error;
    } finally {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
    }
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw this.#ending(stream);
  }

  /** The reason why a stream without an error of its own ended. */
  #ending(stream: ClientHttp2Stream): Error {
    if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return new RefusedError();
    return this.#failure ?? new CutError();
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#session.destroyed) return;
    this.#timer = setTimeout(() => this.#listen(), ms).unref();
  }

  #listen(): void {
    const { silenceMs } = this.#liveness;
    const silentMs = performance.now() - this.#heardMs;
    if (silentMs < silenceMs) this.#wait(silenceMs - silentMs);
    else this.#ask();
  }

  #ask(): void {
    if (this.#isAsking || this.#session.destroyed) return;
    this.#isAsking = true;
    const askedMs = performance.now();
    const { silenceMs, patienceMs } = this.#liveness;
    const heard = (): void => {
      this.#isAsking = false;
      this.#wait(silenceMs);
    };
    this.#session.ping((error) => {
      if (error !== null) return; // the session has ended
      this.#heardMs = performance.now();
      heard();
    });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // First let Node read what the kernel received while this process was busy.
      setImmediate(() => {
        if (!this.#isAsking) return;
        if (this.#heardMs > askedMs) heard();
        else this.#session.destroy(new SilenceError(patienceMs));
      });
    }, patienceMs).unref();
  }
}
