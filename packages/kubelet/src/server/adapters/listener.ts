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

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  /** Cuts streams on which nothing moves for so long; 0 for never. */
  readonly streamIdleTimeoutMs: number;
  /** What clients may hold; see {@link LISTENER_LIMITS}. */
  readonly limits?: Partial<ListenerLimits>;
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

/** Bounds on what clients may hold, in number and in milliseconds. */
export interface ListenerLimits extends ServerLimits {
  /** How long 64 KiB of an answer may take to leave, to somebody who is not known. */
  readonly stallMs: number;
  /** How long a client that was refused an upgrade may take to close the connection. */
  readonly lingerMs: number;
  /** How often connections are looked at. */
  readonly sweepMs: number;
}

const LISTENER_LIMITS: ListenerLimits = {
  ...SERVER_LIMITS,
  stallMs: 30_000,
  lingerMs: 5000,
  sweepMs: 5000,
};
/**
 * The same for somebody who is known, who may stop reading to think, where sessions have no limit.
 * Kubernetes 1.36 pkg/kubelet/server/server.go, WriteTimeout.
 */
const KNOWN_STALL_MS = 4 * 3_600_000;
/** Long enough for a command with an argument as long as the kernel takes. */
const MAX_HEADER_BYTES = 256 * 1024;
const HANDSHAKE_MS = 10_000;
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
        // of requests and answers that wait, in MiB
        maxSessionMemory: 4,
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

/** HTTP/1.1 without TLS: nobody is known on it. */
export function createPlainListener(options: ListenerOptions): NodeListener {
  return {
    serve: async (handle, signal) => {
      const identify = (): 'nobody' => 'nobody';
      await serveOn(
        createServer(HTTP1),
        { options, handle, identify, generation: () => 0 },
        signal,
      );
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

  /**
   * @param metWith which CAs the client was looked at with, when it connected
   * @returns `'stale'` where they have changed since: the client has to come anew
   */
  of(request: AnyRequest, metWith: number | undefined): PeerIdentity | 'nobody' | 'stale' {
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
    // also who was nobody with the CAs of then may be somebody with those of now
    if (known.hasShown && metWith !== this.#generation()) return 'stale';
    return known.peer ?? 'nobody';
  }
}

interface Known {
  readonly peer: PeerIdentity | undefined;
  /** There is a certificate, good or not. */
  readonly hasShown: boolean;
}

interface Serving extends Pick<ExchangeOptions, 'handle' | 'identify'> {
  readonly options: ListenerOptions;
  /** Of the client CAs that are asked for now. */
  readonly generation: () => number;
}

/** @throws when the address cannot be had */
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
    help: 'Connections to the node API that were closed to keep what clients hold bounded.',
    labelNames: ['reason'],
  });
  const cut = metrics.counter({
    name: 'kubelet_server_answers_cut_total',
    help: 'Answers of the node API that were cut because the client did not take them.',
  });
  const nowMs = (): number => clock.monotonicMs();
  const connections = new Connections({ ...limits, turnedAway, nowMs });
  const stallMs = { stranger: limits.stallMs, known: streamIdleTimeoutMs || KNOWN_STALL_MS };
  const { lingerMs } = limits;
  const exchange = new Exchanges({
    ...{ handle, identify, connections, streamIdleTimeoutMs, stallMs, lingerMs, cut, clock },
  });
  server.on('connection', (socket: Socket) => connections.add(socket, generation()));
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
  while ((await clock.sleep(limits.sweepMs, signal)) === 'elapsed') connections.sweep();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    connections.closeAll();
  });
}
