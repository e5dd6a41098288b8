import type { TLSSocket } from 'node:tls';

import type { TransportRequest, TransportResponse } from '../ports.js';
import type { Dialer } from './dialer.js';
import { Http1Exchanges } from './http1-exchanges.js';
import { Http2Connection, type Liveness, RefusedError } from './http2-connection.js';

export interface ServerConnectionsOptions {
  readonly dialer: Dialer;
  readonly url: URL;
  readonly liveness: Liveness;
}

/** Longer than any request takes, except watches. */
const LAST_REQUESTS_MS = 30_000;

/**
 * The connections to one API server with one set of TLS material. It uses HTTP/2 if TLS is used and
 * the server agrees, with as many connections as the server's limit on concurrent requests makes
 * necessary. Otherwise it uses HTTP/1.1.
 */
export class ServerConnections {
  readonly #options: ServerConnectionsOptions;
  readonly #http1: Http1Exchanges;
  readonly #http2 = new Set<Http2Connection>();
  /**
   * True when the server did not offer HTTP/2 at the last handshake and no connection to it has
   * failed since.
   */
  #lacksHttp2: boolean;
  #dialing: Promise<void> | undefined;
  #state: 'open' | 'retired' | 'destroyed' = 'open';

  constructor(options: ServerConnectionsOptions) {
    this.#options = options;
    this.#http1 = new Http1Exchanges(options);
    this.#lacksHttp2 = options.url.protocol !== 'https:';
  }

  /** @param path includes the server's prefix */
  async send(
    request: TransportRequest,
    path: string,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    try {
      return await this.#send(request, path, signal);
    } catch (error) {
      if (error instanceof RefusedError) return await this.#send(request, path, signal);
      throw error;
    }
  }

  /** Closes the idle connections to a silent peer: they are as dead as the one that failed. */
  dropIdle(): void {
    this.#http1.dropIdle();
  }

  /** Lets current requests finish within 30 s and starts no others. */
  retire(): void {
    this.#state = 'retired';
    this.#http1.dropIdle();
    for (const connection of this.#http2) connection.close();
    setTimeout(() => this.destroy(), LAST_REQUESTS_MS).unref();
  }

  destroy(): void {
    this.#state = 'destroyed';
    this.#http1.destroy();
    for (const connection of this.#http2) connection.destroy();
  }

  async #send(
    request: TransportRequest,
    path: string,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#lacksHttp2) return this.#sendByHttp1(request, path, signal);
      for (const connection of this.#http2) {
        if (connection.hasRoom) return connection.send(request, path, signal);
      }
      this.#dialing ??= this.#dial(request.idleTimeoutMs).finally(() => {
        this.#dialing = undefined;
      });
      await abortable(this.#dialing, signal);
    }
  }

  async #sendByHttp1(
    request: TransportRequest,
    path: string,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    try {
      return await this.#http1.send(request, path, signal);
    } catch (error) {
      // The address may now belong to another server with another protocol.
      if (this.#options.url.protocol === 'https:' && !signal.aborted) this.#lacksHttp2 = false;
      throw error;
    }
  }

  async #dial(timeoutMs: number): Promise<void> {
    const { dialer, url, liveness } = this.#options;
    this.#checkOpen();
    const socket = await dialer.dial(['h2', 'http/1.1'], timeoutMs);
    this.#checkOpen(socket);
    if ((socket as TLSSocket).alpnProtocol !== 'h2') {
      this.#http1.adopt(socket);
      this.#lacksHttp2 = true;
      return;
    }
    const connection = await Http2Connection.open(socket, { url, liveness, timeoutMs });
    this.#checkOpen(connection);
    if (!connection.hasRoom) {
      connection.destroy();
      throw new Error('the server accepts no requests on its connections');
    }
    this.#http2.add(connection);
    connection.onClose(() => this.#http2.delete(connection));
    connection.onIdle = () => this.#closeSpare(connection);
  }

  /** @throws {Error} when they were closed meanwhile; what was opened ends, too */
  #checkOpen(opened?: Readonly<{ destroy: () => void }>): void {
    if (this.#state !== 'destroyed') return;
    opened?.destroy();
    throw new Error('the connections were closed');
  }

  /** Keeps one idle connection; further ones that a burst needed are closed. */
  #closeSpare(idle: Http2Connection): void {
    if (this.#state === 'retired') return idle.close(); // it was opened for a waiting request
    for (const other of this.#http2) if (other !== idle && other.hasRoom) return idle.close();
  }
}

/** The work continues for other callers when the signal fires. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
