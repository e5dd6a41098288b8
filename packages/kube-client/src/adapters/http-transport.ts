import { setMaxListeners } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls';

import { trimEndOf } from '@nodeagent/base';

import { describeConnectionFailure } from '../codec/connection-failure.js';
import type { Connection } from '../model/connection.js';
import { isKubeError, KubeError } from '../model/errors.js';
import type { Credential, Transport, TransportRequest, TransportResponse } from '../ports.js';
import { createMaterialReader, type MaterialReader } from './material.js';
import { createProxyAgent } from './proxy-agent.js';

/**
 * How long a connection is quiet before the kernel asks the peer for a sign of life; after ten
 * unanswered asks, a second apart (libuv's), it is closed. Finds peers that vanished during a watch
 * after 25 s, whatever the watch's own silence; client-go finds them after 45 s, by HTTP/2's PING.
 */
const KEEP_ALIVE_MS = 15_000;

/** The connections that one set of TLS material opened. */
interface Pool {
  readonly agent: http.Agent;
  readonly certificatePem: string | undefined;
  readonly caPem: string | undefined;
}

/**
 * HTTP/1.1 over kept-alive connections: one per request under way. Connections are made anew when
 * the client's certificate or the CA file changes; requests under way may end on the old ones, but
 * watches, which would go on under the old name for long, are ended and resume on new ones.
 */
export function createHttpTransport(connection: Connection): Transport {
  return new HttpTransport(connection);
}

class HttpTransport implements Transport {
  readonly #connection: Connection;
  readonly #base: URL;
  readonly #prefix: string;
  readonly #ca: MaterialReader | undefined;
  #pool: Pool | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
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
    const { agent } = await this.#poolFor(credential);
    signal.throwIfAborted();
    setMaxListeners(0, signal); // as many requests at a time as the caller likes
    const asked = `${request.method} ${request.path.split('?', 1)[0]}`;
    const fail = (error: Error): unknown => this.#failure(error, asked, signal);
    const sent = this.#start(request, agent, signal);
    const response = await answerOf(sent, request).catch((error: Error) => {
      throw fail(error);
    });
    return {
      httpStatus: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'],
      body: readBody(response, fail),
    };
  }

  close(): void {
    this.#pool?.agent.destroy();
    this.#pool = undefined;
  }

  #start(request: TransportRequest, agent: http.Agent, signal: AbortSignal): http.ClientRequest {
    const { method, path, headers, body, idleTimeoutMs } = request;
    const start = this.#base.protocol === 'https:' ? https.request : http.request;
    return start({
      host: this.#base.hostname.replace(/^\[|\]$/g, ''),
      port: this.#base.port === '' ? null : this.#base.port,
      agent,
      method,
      path: this.#prefix + path,
      headers: {
        ...(headers as Record<string, string | string[]>),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      timeout: idleTimeoutMs,
      signal,
    });
  }

  async #poolFor({ certificatePem, keyPem }: Credential): Promise<Pool> {
    const caPem = await this.#ca?.read();
    const old = this.#pool;
    if (old?.certificatePem === certificatePem && old?.caPem === caPem && old !== undefined) {
      return old;
    }
    const agent = this.#createAgent(certificatePem, keyPem, caPem);
    this.#pool = { agent, certificatePem, caPem };
    if (old !== undefined) retire(old.agent);
    return this.#pool;
  }

  #createAgent(
    cert: string | undefined,
    key: string | undefined,
    ca: string | undefined,
  ): http.Agent {
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    const { tlsServerName, insecureSkipTlsVerify, source, proxyUrl } = this.#connection;
    if (this.#base.protocol !== 'https:') {
      if (proxyUrl !== undefined) return createProxyAgent(proxyUrl, options, false);
      return new http.Agent(options);
    }
    let secureContext: SecureContext;
    try {
      secureContext = createSecureContext({
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert, key }),
      });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `${source}: the CA, client certificate or key cannot be used: ${why}`;
      throw new KubeError('KUBE_CONFIG', message, { cause });
    }
    const tlsOptions = {
      ...options,
      secureContext, // made once, not for each connection
      ...(tlsServerName === undefined ? {} : expectName(tlsServerName)),
      rejectUnauthorized: insecureSkipTlsVerify !== true,
    };
    if (proxyUrl !== undefined) return createProxyAgent(proxyUrl, tlsOptions, true);
    return new https.Agent(tlsOptions);
  }

  #failure(error: Error, asked: string, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (isKubeError(error)) return error;
    // Other idle connections to a silent peer are as dead as this one.
    if (error instanceof SilenceError && this.#pool !== undefined) dropIdle(this.#pool.agent);
    const detail = describeConnectionFailure(this.#connection, error);
    return new KubeError('KUBE_UNAVAILABLE', `${asked}: ${detail}`, { cause: error });
  }
}

/** Names the server in the TLS greeting, where only host names may stand (RFC 6066 section 3). */
function expectName(name: string): https.AgentOptions {
  return isIP(name) === 0
    ? { servername: name }
    : { checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate) };
}

function answerOf(
  sent: http.ClientRequest,
  { body, idleTimeoutMs, bodyIdleTimeoutMs = idleTimeoutMs }: TransportRequest,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answer: http.IncomingMessage | undefined;
    sent.once('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    sent.once('timeout', () => {
      if (answer === undefined) sent.destroy(new SilenceError(idleTimeoutMs));
      else answer.destroy(new SilenceError(bodyIdleTimeoutMs));
    });
    sent.once('response', (response) => {
      answer = response;
      if (bodyIdleTimeoutMs !== idleTimeoutMs) sent.setTimeout(timerMs(bodyIdleTimeoutMs));
      resolve(response);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Node's sockets take 0 for no limit. */
function timerMs(limitMs: number): number {
  return Number.isFinite(limitMs) ? limitMs : 0;
}

class SilenceError extends Error {
  constructor(idleMs: number) {
    super(`no answer for ${idleMs / 1000} s`);
  }
}

/** Longer than any request but a watch takes. */
const LAST_REQUESTS_MS = 30_000;

function retire(agent: http.Agent): void {
  dropIdle(agent);
  setTimeout(() => agent.destroy(), LAST_REQUESTS_MS).unref();
}

function dropIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

async function* readBody(
  response: http.IncomingMessage,
  fail: (error: Error) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (error) {
    throw fail(error instanceof Error ? error : new Error(String(error)));
  }
}
