import { setMaxListeners } from 'node:events';
import { createSecureContext, type SecureContext } from 'node:tls';

import { trimEndOf } from '@nodeagent/base';
import { SpareDescriptor } from '@nodeagent/base/system';
import type { ChannelSocket } from '@nodeagent/pod-streams';

import { describeConnectionFailure } from '../codec/connection-failure.js';
import type { Connection } from '../model/connection.js';
import { isKubeError, KubeError } from '../model/errors.js';
import type {
  ChannelRequest,
  Credential,
  Transport,
  TransportRequest,
  TransportResponse,
} from '../ports.js';
import { openChannels, type Pings } from './channel-connections.js';
import { Dialer } from './dialer.js';
import type { Liveness } from './http2-connection.js';
import { createMaterialReader, type MaterialReader } from './material.js';
import { ServerConnections } from './server-connections.js';
import { SilenceError } from './silence-error.js';

/**
 * Equal to client-go's values.
 *
 * @see Kubernetes 1.36 apimachinery/pkg/util/net/http.go, readIdleTimeoutSeconds,
 *   pingTimeoutSeconds
 */
const LIVENESS: Liveness = { silenceMs: 30_000, patienceMs: 15_000 };

/** Timings of the two kinds of connections that may be silent for long. */
export interface TransportTimings {
  /** PINGs of HTTP/2 connections; client-go's when absent. */
  readonly liveness?: Liveness | undefined;
  /** Pings of sessions over WebSocket; client-go's when absent. */
  readonly pings?: Pings | undefined;
}

/** The connections opened with one set of TLS material. */
interface Pool {
  /** For sessions, which do not take the descriptor that is held back. */
  readonly dialer: Dialer;
  readonly connections: ServerConnections;
  readonly certificatePem: string | undefined;
  readonly caPem: string | undefined;
}

/**
 * Uses HTTP/2 over TLS if the server supports it, and HTTP/1.1 over kept-alive connections
 * otherwise. When the client's certificate or the CA file changes, new connections are made.
 * Current requests may finish on the old ones. Watches would keep the old identity for long, so
 * they are ended and resume on new connections. Sessions go on with the identity that began them.
 */
export function createHttpTransport(
  connection: Connection,
  timings: TransportTimings = {},
): Transport {
  return new HttpTransport(connection, timings);
}

class HttpTransport implements Transport {
  readonly #connection: Connection;
  readonly #timings: TransportTimings;
  readonly #base: URL;
  readonly #prefix: string;
  readonly #ca: MaterialReader | undefined;
  /** One connection is enough for all requests by HTTP/2. */
  readonly #spare = new SpareDescriptor();
  #pool: Pool | undefined;
  /** Fires when the client is closed, with the error for sessions. */
  readonly #closed = new AbortController();

  constructor(connection: Connection, timings: TransportTimings) {
    this.#connection = connection;
    this.#timings = timings;
    setMaxListeners(0, this.#closed.signal);
    this.#base = new URL(connection.server);
    this.#prefix = trimEndOf(this.#base.pathname, '/');
    const { ca, source } = connection;
    if (ca !== undefined) this.#ca = createMaterialReader(ca, `certificate-authority of ${source}`);
  }

  async send(
    request: TransportRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    const { connections } = await this.#poolFor(credential);
    signal.throwIfAborted();
    setMaxListeners(0, signal); // the caller limits concurrent requests
    const asked = `${request.method} ${request.path.split('?', 1)[0]}`;
    const fail = (error: Error): unknown => {
      // Other idle connections to a silent peer are as dead as this one.
      if (error instanceof SilenceError) connections.dropIdle();
      return this.#failure(error, asked, signal);
    };
    try {
      const answer = await connections.send(request, this.#prefix + request.path, signal);
      return { ...answer, body: readBody(answer.body, fail) };
    } catch (error) {
      throw fail(asError(error));
    }
  }

  async openChannels(
    request: ChannelRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<ChannelSocket> {
    const { dialer } = await this.#poolFor(credential);
    signal.throwIfAborted();
    const asked = `GET ${request.path.split('?', 1)[0]}`;
    return openChannels(request, {
      dialer,
      url: this.#base.origin + this.#prefix + request.path,
      asked,
      pings: this.#timings.pings,
      signal: AbortSignal.any([signal, this.#closed.signal]),
      failure: (cause) => this.#failure(cause, asked, signal) as Error,
    });
  }

  close(): void {
    const { source } = this.#connection;
    this.#closed.abort(new KubeError('KUBE_UNAVAILABLE', `the client of ${source} was closed`));
    this.#spare.release();
    this.#pool?.connections.destroy();
    this.#pool = undefined;
  }

  async #poolFor({ certificatePem, keyPem }: Credential): Promise<Pool> {
    const caPem = await this.#ca?.read();
    this.#closed.signal.throwIfAborted();
    const old = this.#pool;
    if (old?.certificatePem === certificatePem && old?.caPem === caPem && old !== undefined) {
      return old;
    }
    const secureContext = this.#secureContext(certificatePem, keyPem, caPem);
    const dialing = { connection: this.#connection, secureContext };
    const connections = new ServerConnections({
      dialer: new Dialer({ ...dialing, spare: this.#spare }),
      url: this.#base,
      liveness: this.#timings.liveness ?? LIVENESS,
    });
    this.#pool = { dialer: new Dialer(dialing), connections, certificatePem, caPem };
    old?.connections.retire();
    return this.#pool;
  }

  /** Made once and shared by all connections. */
  #secureContext(
    cert: string | undefined,
    key: string | undefined,
    ca: string | undefined,
  ): SecureContext | undefined {
    if (this.#base.protocol !== 'https:') return undefined;
    try {
      return createSecureContext({
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert, key }),
      });
    } catch (cause) {
      const { source } = this.#connection;
      const message = `${source}: the CA, client certificate or key cannot be used: ${asError(cause).message}`;
      throw new KubeError('KUBE_CONFIG', message, { cause });
    }
  }

  #failure(error: Error, asked: string, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (isKubeError(error)) return error;
    const detail = describeConnectionFailure(this.#connection, error);
    return new KubeError('KUBE_UNAVAILABLE', `${asked}: ${detail}`, { cause: error });
  }
}

async function* readBody(
  body: AsyncIterable<Uint8Array>,
  fail: (error: Error) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    throw fail(asError(error));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
