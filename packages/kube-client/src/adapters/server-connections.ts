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

/** Longer than any request but a watch takes. */
const LAST_REQUESTS_MS = 30_000;

/**
 * The connections to one API server that one set of TLS material opened: HTTP/2 where TLS is spoken and
 * the server agrees, as many connections as its limit on requests at a time takes; HTTP/1.1 otherwise.
 */
export class ServerConnections {
  readonly #options: ServerConnectionsOptions;
  readonly #http1: Http1Exchanges;
  readonly #http2 = new Set<Http2Connection>();
  /** The server spoke no HTTP/2 when it was last asked, and no connection to it has failed since. */
  #lacksHttp2: boolean;
  #dialing: Promise<void> | undefined;
  #state: 'open' | 'retired' | 'destroyed' = 'open';

  constructor(options: ServerConnectionsOptions) {
    this.#options = options;
    this.#http1 = new Http1Exchanges(options);
    this.#lacksHttp2 = options.url.protocol !== 'https:';
  }

  /** @param path with the server's prefix */
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

  /** Idle connections to a peer that was silent are as dead as the one on which that was noticed. */
  dropIdle(): void {
    this.#http1.dropIdle();
  }

  /** Lets requests under way end, for 30 s; no others begin. */
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
      // Another server may be there by now, which speaks otherwise.
      if (this.#options.url.protocol === 'https:' && !signal.aborted) this.#lacksHttp2 = false;
      throw error;
    }
  }

  async #dial(timeoutMs: number): Promise<void> {
    const { dialer, url, liveness } = this.#options;
    if (this.#isOver()) throw new Error('the connections were closed');
    const socket = await dialer.dial(['h2', 'http/1.1'], timeoutMs);
    if (this.#isOver()) socket.destroy();
    if ((socket as TLSSocket).alpnProtocol !== 'h2') {
      this.#http1.adopt(socket);
      this.#lacksHttp2 = true;
      return;
    }
    const connection = await Http2Connection.open(socket, { url, liveness, timeoutMs });
    if (this.#isOver()) connection.destroy();
    if (!connection.hasRoom) {
      connection.destroy();
      throw new Error('the server takes no requests on its connections');
    }
    this.#http2.add(connection);
    connection.onClose(() => this.#http2.delete(connection));
    connection.onIdle = () => this.#closeSpare(connection);
  }

  #isOver(): boolean {
    return this.#state === 'destroyed';
  }

  /** One connection is kept; what a burst needed beyond it is closed. */
  #closeSpare(idle: Http2Connection): void {
    if (this.#state === 'retired') return idle.close(); // it was opened for a request that waited
    for (const other of this.#http2) if (other !== idle && other.hasRoom) return idle.close();
  }
}

/** The work goes on for others when the signal fires. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
