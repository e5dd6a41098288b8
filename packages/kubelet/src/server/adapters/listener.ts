import { constants } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2Session,
  type SecureServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';

import type { Clock, Logger, Metrics } from '@nodeagent/base';
import {
  Connections,
  SERVER_LIMITS,
  type ServerLimits,
} from '@nodeagent/component-base/connections';

import type { TlsSettings } from '../plan/tls-settings.js';
import type { KeyedCertificate, NodeListener, Reloaded } from '../ports.js';
import { type ExchangeOptions, Exchanges } from './exchanges.js';
import { type PeerIdentity, peerIdentity } from './peer-identity.js';
import type { AnyRequest, AnyResponse } from './respond.js';

/** Address and limits of a port of the node API. */
export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  /** Cuts streams without traffic for this long; 0: never. */
  readonly streamIdleTimeoutMs: number;
  /** Limits on the resources of clients; default 30 s for a client that stops reading, 5 s to close. */
  readonly limits?: Partial<ListenerLimits>;
  /** Called with the actual port once it is open. */
  readonly onListening?: (port: number) => void;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Certificates are read again when their files change, without closing connections. */
export interface SecureListenerOptions extends ListenerOptions {
  readonly tls: TlsSettings;
  readonly certificate: Reloaded<KeyedCertificate>;
  /** Undefined: client certificates are not requested. */
  readonly clientCa: Reloaded<string> | undefined;
}

/** Limits on the resources of clients, as counts and in milliseconds. */
export interface ListenerLimits extends ServerLimits {
  /** Maximum time to send 64 KiB of an answer to an unauthenticated client. */
  readonly stallMs: number;
  /** Maximum time for a client to close the connection after a refused upgrade. */
  readonly lingerMs: number;
  /** Period of the check of connections. */
  readonly sweepMs: number;
}

const LISTENER_LIMITS: ListenerLimits = {
  ...SERVER_LIMITS,
  stallMs: 30_000,
  lingerMs: 5000,
  sweepMs: 5000,
};
/**
 * Limit for an authenticated client if sessions have none; a user may pause reading for long.
 *
 * @see Kubernetes 1.36 pkg/kubelet/server/server.go, WriteTimeout
 */
const KNOWN_STALL_MS = 4 * 3_600_000;
/** Enough for a command with an argument of the maximum length in the kernel. */
const MAX_HEADER_BYTES = 256 * 1024;
const HANDSHAKE_MS = 10_000;
const SWEEP_MS = 5000;
const IDLE_MS = 90_000;
/**
 * Limits for a request's headers and for the whole request; no route reads more than a few bytes of
 * body.
 */
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
        // A resumed session would skip the verification of the client certificate.
        secureOptions: constants.SSL_OP_NO_TICKET,
      });
      const more: SecureServerOptions & ServerOptions = {
        ...HTTP1,
        allowHTTP1: true,
        requestCert: clientCa !== undefined,
        rejectUnauthorized: false,
        handshakeTimeout: HANDSHAKE_MS,
        // Each direction of a stream ends separately.
        allowHalfOpen: true,
        settings: { maxConcurrentStreams: 100, enablePush: false },
        // For pending requests and answers, in MiB.
        maxSessionMemory: 4,
      };
      const server = createSecureServer({ ...context(), ...more });
      // The type lacks options that the server inherits from HTTP/1.1.
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
      const identify: ExchangeOptions['identify'] = (one, metWith) => peers.of(one, metWith);
      const serving = { options, handle, identify, generation: () => generation };
      const ended = serveOn(server, serving, signal);
      await Promise.all([
        ended,
        certificate.run(reload(false), signal),
        clientCa?.run(reload(true), signal),
      ]);
    },
  };
}

/** HTTP/1.1 without TLS; all clients are anonymous. */
export function createPlainListener(options: ListenerOptions): NodeListener {
  return {
    serve: async (handle, signal) => {
      const identify = (): 'unknown' => 'unknown';
      await serveOn(
        createServer(HTTP1),
        { options, handle, identify, generation: () => 0 },
        signal,
      );
    },
  };
}

function keysOf(certificate: Reloaded<KeyedCertificate>): SecureContextOptions {
  const pair = certificate.current();
  return pair === undefined ? {} : { cert: pair.certificatePem, key: pair.keyPem };
}

/**
 * Identities of clients by connection; determined once, and valid until the certificate expires.
 */
class Peers {
  readonly #known = new WeakMap<object, Known>();
  readonly #generation: () => number;

  constructor(generation: () => number) {
    this.#generation = generation;
  }

  /**
   * @param metWith the generation of client CAs at the handshake
   * @returns `'stale'` if the CAs have changed since; the client must reconnect
   */
  of(request: AnyRequest, metWith: number | undefined): PeerIdentity | 'unknown' | 'stale' {
    const session = 'stream' in request ? request.stream.session : undefined;
    const key = session ?? request.socket;
    let known = this.#known.get(key);
    if (known === undefined) {
      const socket = request.socket as TLSSocket;
      known = {
        peer: peerIdentity(socket),
        hasShown: socket.getPeerX509Certificate() !== undefined,
      };
      this.#known.set(key, known);
    }
    // The new CAs may also accept a certificate that the old ones did not.
    if (known.hasShown && metWith !== this.#generation()) return 'stale';
    return known.peer ?? 'unknown';
  }
}

interface Known {
  readonly peer: PeerIdentity | undefined;
  /** The client sent a certificate, valid or not. */
  readonly hasShown: boolean;
}

interface Serving extends Pick<ExchangeOptions, 'handle' | 'identify'> {
  readonly options: ListenerOptions;
  /** The generation of the current client CAs. */
  readonly generation: () => number;
}

/** @throws if the address is unavailable */
async function serveOn(
  server: Server | Http2SecureServer,
  serving: Serving,
  signal: AbortSignal,
): Promise<void> {
  const { handle, identify, generation, options } = serving;
  const { address, port, streamIdleTimeoutMs, onListening, metrics, clock, log } = options;
  const limits: ListenerLimits = { ...LISTENER_LIMITS, ...options.limits };
  const turnedAway = metrics.counter({
    name: 'kubelet_server_connections_turned_away_total',
    help: 'Number of connections to the node API that were closed to limit the resources of clients.',
    labelNames: ['reason'],
  });
  const cut = metrics.counter({
    name: 'kubelet_server_answers_cut_total',
    help: 'Number of answers of the node API that were cut because the client did not read them.',
  });
  const nowMs = (): number => clock.monotonicMs();
  const { most, mostOfStranger, unservedMs, strangerMs, quietMs } = limits;
  const connections = new Connections({
    ...{ most, mostOfStranger, unservedMs, strangerMs, quietMs, turnedAway, nowMs },
  });
  const stallMs = { stranger: limits.stallMs, known: streamIdleTimeoutMs || KNOWN_STALL_MS };
  const { lingerMs } = limits;
  const exchange = new Exchanges({
    ...{ handle, identify, connections, streamIdleTimeoutMs, stallMs, lingerMs, cut, clock },
  });
  server.on('connection', (socket: Socket) => connections.add(socket, generation()));
  server.on('request', (request: AnyRequest, response: AnyResponse) => {
    exchange.answer(request, response).catch((err: unknown) => {
      log.error({ err, url: request.url }, 'cannot send the answer');
      request.socket.destroy();
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    exchange.upgrade(request, socket, head).catch((err: unknown) => {
      log.error({ err, url: request.url }, 'cannot answer the upgrade request');
      socket.destroy();
    });
  });
  if (signal.aborted) return;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: address }, resolve);
  });
  server.on('error', (err: Error) => log.warn({ err }, 'error in the node API server'));
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  log.info({ address, port: boundPort }, 'node API is listening');
  onListening?.(boundPort);
  while ((await clock.sleep(limits.sweepMs, signal)) === 'elapsed') connections.sweep();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    connections.closeAll();
  });
}
