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

/** How a connection is known to be alive. */
export interface Liveness {
  /** Nothing arrives for so long: the peer is asked by a PING. */
  readonly silenceMs: number;
  /** How long the peer may take to answer it. */
  readonly patienceMs: number;
}

/** What may arrive of one answer before it is read; client-go takes 4 MiB, more than a node has to spare. */
const STREAM_WINDOW_BYTES = 256 * 1024;
/** For all answers of a connection together. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** Longer headers of an answer are refused, as Node does for HTTP/1.1. */
const MAX_HEADER_BYTES = 16 * 1024;
/** Far below the 2^30 requests after which a connection's stream identifiers are used up. */
const MAX_REQUESTS = 2 ** 29;

/** The connection ended before an answer was complete, as `ECONNRESET` is for plain sockets. */
class CutError extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection was closed before the answer was complete');
  }
}

/** The server did not begin with the request (RFC 9113 section 8.7): any request may be sent again. */
export class RefusedError extends Error {
  constructor() {
    super('the server refused the stream');
  }
}

/** One HTTP/2 connection, which carries as many requests at a time as the server lets it. */
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
    session.unref(); // as long as nothing is asked on it
    this.#wait(liveness.silenceMs);
  }

  /**
   * Speaks HTTP/2 on a connection on which both sides agreed to it.
   *
   * @param timeoutMs how long the server may take to tell its settings
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
    session.on('error', () => undefined); // from the first moment on; its close follows
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    const late = setTimeout(() => session.destroy(new SilenceError(timeoutMs)), timeoutMs);
    const closed = new Promise<never>((_, reject) => {
      session.once('close', () => reject(new CutError()));
    });
    closed.catch(() => undefined); // tells of the end only while there is no connection yet
    try {
      await Promise.race([once(session, 'remoteSettings'), closed]);
    } finally {
      clearTimeout(late);
    }
    return new Http2Connection(session, liveness);
  }

  /** Whether one more request can begin now. */
  get hasRoom(): boolean {
    const { closed, destroyed, remoteSettings } = this.#session;
    const most = remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    return !closed && !destroyed && this.#streams < most && this.#requests < MAX_REQUESTS;
  }

  /** Called when no request is under way any more. */
  onIdle: () => void = () => undefined;

  /** Called when the connection has ended. */
  onClose(listener: () => void): void {
    this.#session.once('close', listener);
  }

  /**
   * The stream is opened before this returns.
   *
   * @param path with the server's prefix
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

  /** Requests under way may end; no others begin. */
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
    // Node throws away a short answer that ends before somebody reads: reading begins with asking.
    const chunks = stream[Symbol.asyncIterator]();
    const first = chunks.next();
    first.catch(() => undefined); // whoever reads the body is told
    let limitMs = idleTimeoutMs;
    stream.setTimeout(timerMs(limitMs), () => {
      stream.destroy(new SilenceError(limitMs));
      this.#ask(); // the other requests on this connection may wait in vain as well
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

  /** Why a stream ended that has no error of its own. */
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
      if (error !== null) return; // the session is gone
      this.#heardMs = performance.now();
      heard();
    });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // What the kernel received while this process had no time is read before that is judged.
      setImmediate(() => {
        if (!this.#isAsking) return;
        if (this.#heardMs > askedMs) heard();
        else this.#session.destroy(new SilenceError(patienceMs));
      });
    }, patienceMs).unref();
  }
}
