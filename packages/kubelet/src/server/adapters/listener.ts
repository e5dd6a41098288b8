import { constants } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2Session,
  type SecureServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';

import type { Clock, Logger, Metrics } from '@nodeagent/base';

import { parseSocketProtocols } from '../codec/socket-protocols.js';
import { type Answer, failure } from '../model/exchange.js';
import type { Credentials } from '../model/identity.js';
import type { TlsSettings } from '../plan/tls-settings.js';
import type { HandleRequest, KeyedCertificate, NodeListener, Reloaded } from '../ports.js';
import { Connections, type Peer } from './connections.js';
import { type PeerIdentity, peerIdentity } from './peer-identity.js';
import { type AnyRequest, type AnyResponse, respond, respondUpgrade } from './respond.js';

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  /** Cuts streams on which nothing moves for so long; 0 for never. */
  readonly streamIdleTimeoutMs: number;
  /** Connections at a time; 512 when absent. */
  readonly mostConnections?: number;
  /** Told when the port is open: with port 0, which one it is. */
  readonly onListening?: (port: number) => void;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SecureListenerOptions extends ListenerOptions {
  readonly tls: TlsSettings;
  readonly certificate: Reloaded<KeyedCertificate>;
  /** Undefined: client certificates are not asked for. */
  readonly clientCa: Reloaded<string> | undefined;
}

const MOST_CONNECTIONS = 512;
/** Long enough for a command with an argument as long as the kernel takes. */
const MAX_HEADER_BYTES = 256 * 1024;
const HANDSHAKE_MS = 10_000;
const UNPROVEN_MS = 30_000;
const SWEEP_MS = 5000;
const IDLE_MS = 90_000;
/** For a request's headers, and for all of a request: no route reads more than a few bytes of body. */
const HEADERS_MS = 20_000;
const REQUEST_MS = 60_000;

const HTTP1: ServerOptions = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: HEADERS_MS,
  requestTimeout: REQUEST_MS,
  keepAliveTimeout: IDLE_MS,
  connectionsCheckingInterval: SWEEP_MS,
};

/** HTTP/1.1 and HTTP/2 over TLS; upgrades need HTTP/1.1. */
export function createSecureListener(options: SecureListenerOptions): NodeListener {
  const { tls, certificate, clientCa } = options;
  return {
    serve: async (handle, signal) => {
      const context = (): SecureContextOptions => ({
        ...tls,
        ...keysOf(certificate),
        ca: clientCa?.current() ?? [],
        // a resumed session would skip the question who vouches for the client
        secureOptions: constants.SSL_OP_NO_TICKET,
      });
      const more: SecureServerOptions & ServerOptions = {
        ...HTTP1,
        allowHTTP1: true,
        requestCert: clientCa !== undefined,
        rejectUnauthorized: false,
        handshakeTimeout: HANDSHAKE_MS,
        // the end of one direction of a stream is not the end of the other
        allowHalfOpen: true,
        settings: { maxConcurrentStreams: 100, enablePush: false },
      };
      const server = createSecureServer({ ...context(), ...more });
      // the type lacks what the server takes over from HTTP/1.1
      Object.assign(server, { keepAliveTimeout: IDLE_MS, headersTimeout: HEADERS_MS });
      const sessions = new Set<Http2Session>();
      server.on('session', (session) => {
        sessions.add(session);
        session.setTimeout(IDLE_MS, () => session.close());
        session.once('close', () => sessions.delete(session));
      });
      let generation = 0;
      const reload = (isCa: boolean) => (): void => {
        server.setSecureContext(context());
        if (!isCa) return;
        generation += 1;
        for (const session of sessions) session.close();
      };
      const peers = new Peers(() => generation);
      const ended = serveOn(server, { options, handle, identify: (one) => peers.of(one) }, signal);
      await Promise.all([
        ended,
        certificate.run(reload(false), signal),
        clientCa?.run(reload(true), signal),
      ]);
    },
  };
}

/** HTTP/1.1 without TLS: nobody is known on it. */
export function createPlainListener(options: ListenerOptions): NodeListener {
  return {
    serve: async (handle, signal) => {
      await serveOn(createServer(HTTP1), { options, handle, identify: () => 'nobody' }, signal);
    },
  };
}

function keysOf({ current }: Reloaded<KeyedCertificate>): SecureContextOptions {
  const pair = current();
  return pair === undefined ? {} : { cert: pair.certificatePem, key: pair.keyPem };
}

/** Who is at the other end, by connection; asked once for each, and believed until it expires. */
class Peers {
  readonly #known = new WeakMap<object, Known>();
  readonly #generation: () => number;

  constructor(generation: () => number) {
    this.#generation = generation;
  }

  /** @returns `'stale'` where the CAs changed since the client was looked at: it has to come anew */
  of(request: AnyRequest): PeerIdentity | 'nobody' | 'stale' {
    const session = 'stream' in request ? request.stream.session : undefined;
    const key = session ?? request.socket;
    let known = this.#known.get(key);
    if (known === undefined) {
      const peer = peerIdentity(request.socket as TLSSocket);
      known = { peer, generation: this.#generation() };
      this.#known.set(key, known);
    }
    if (known.peer === undefined) return 'nobody';
    return known.generation === this.#generation() ? known.peer : 'stale';
  }
}

interface Known {
  readonly peer: PeerIdentity | undefined;
  readonly generation: number;
}

interface Serving {
  readonly options: ListenerOptions;
  readonly handle: HandleRequest;
  readonly identify: (request: AnyRequest) => PeerIdentity | 'nobody' | 'stale';
}

/** @throws when the address cannot be had */
async function serveOn(
  server: Server | Http2SecureServer,
  serving: Serving,
  signal: AbortSignal,
): Promise<void> {
  const { address, port, mostConnections, onListening, metrics, clock, log } = serving.options;
  const turnedAway = metrics.counter({
    name: 'kubelet_server_connections_turned_away_total',
    help: 'Connections to the node API that were closed to keep their number bounded.',
    labelNames: ['reason'],
  });
  const connections = new Connections({
    most: mostConnections ?? MOST_CONNECTIONS,
    unprovenMs: UNPROVEN_MS,
    turnedAway,
  });
  const exchange = new Exchanges(serving, connections);
  server.on('connection', (socket: Socket) => connections.add(socket, clock.monotonicMs()));
  server.on('request', (request: AnyRequest, response: AnyResponse) => {
    exchange.answer(request, response).catch((err: unknown) => {
      log.error({ err, url: request.url }, 'answer not sent');
      request.socket.destroy();
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    exchange.upgrade(request, socket, head).catch((err: unknown) => {
      log.error({ err, url: request.url }, 'upgrade not answered');
      socket.destroy();
    });
  });
  if (signal.aborted) return;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: address }, resolve);
  });
  server.on('error', (err: Error) => log.warn({ err }, 'node API server had an error'));
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  log.info({ address, port: boundPort }, 'node API listens');
  onListening?.(boundPort);
  while ((await clock.sleep(SWEEP_MS, signal)) === 'elapsed')
    connections.sweep(clock.monotonicMs());
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    connections.closeAll();
  });
}

/** Requests in, answers out. */
class Exchanges {
  readonly #serving: Serving;
  readonly #connections: Connections;

  constructor(serving: Serving, connections: Connections) {
    this.#serving = serving;
    this.#connections = connections;
  }

  async answer(request: AnyRequest, response: AnyResponse): Promise<void> {
    const gone = new AbortController();
    const ongoing = this.#connections.begin(peerOf(request.socket));
    response.once('close', () => {
      ongoing.end();
      gone.abort(new Error('the client is gone'));
    });
    response.once('finish', () => {
      // a body that nobody reads must not be sent to its end
      if (!request.complete && request.httpVersionMajor === 1) request.socket.destroySoon();
    });
    const answer = await this.#ask(request, false, gone.signal);
    if (isLetIn(answer)) ongoing.prove();
    if (answer.kind !== 'proxy') await respond(answer, response, gone.signal);
  }

  async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const gone = new AbortController();
    const ongoing = this.#connections.begin(peerOf(socket));
    socket.on('error', () => undefined); // its close follows
    socket.once('close', () => {
      ongoing.end();
      gone.abort(new Error('the client is gone'));
    });
    const answer = await this.#ask(request, true, gone.signal);
    if (isLetIn(answer)) ongoing.prove();
    if (socket.destroyed) return;
    const idleTimeoutMs = this.#serving.options.streamIdleTimeoutMs;
    await respondUpgrade(answer, { request, socket, head }, { idleTimeoutMs, signal: gone.signal });
  }

  async #ask(request: AnyRequest, upgrade: boolean, signal: AbortSignal): Promise<Answer> {
    const { handle, identify, options } = this.#serving;
    const target = request.url ?? '';
    if (!target.startsWith('/')) return failure(400, 'the request must name a path');
    const at = target.indexOf('?');
    const peer = identify(request);
    const isExpired = typeof peer === 'object' && peer.notAfterMs < options.clock.nowMs();
    if (peer === 'stale' || isExpired) {
      return { ...failure(401, 'Unauthorized'), headers: { connection: 'close' } };
    }
    const credentials: Credentials = {
      authorization: request.headers.authorization ?? authorizationOf(request, upgrade),
      ...(typeof peer === 'object' && { certificate: peer.identity }),
    };
    return handle(
      {
        method: request.method ?? '',
        path: at === -1 ? target : target.slice(0, at),
        query: new URLSearchParams(at === -1 ? '' : target.slice(at + 1)),
        credentials,
        from: request.socket.remoteAddress,
        accept: request.headers.accept,
        upgrade,
      },
      signal,
    );
  }
}

/** Of a WebSocket whose client cannot send headers. */
function authorizationOf({ headers }: AnyRequest, upgrade: boolean): string | undefined {
  if (!upgrade || headers.upgrade?.toLowerCase() !== 'websocket') return undefined;
  const { token } = parseSocketProtocols(headers['sec-websocket-protocol']);
  return token === undefined ? undefined : `Bearer ${token}`;
}

function isLetIn(answer: Answer): boolean {
  return answer.kind !== 'body' || answer.status !== 401;
}

/** A copy: a socket that is gone no longer knows who was at its other end. */
function peerOf({ remoteAddress, remotePort }: Socket | Http2ServerRequest['socket']): Peer {
  return { remoteAddress, remotePort };
}
