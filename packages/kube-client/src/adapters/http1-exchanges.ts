import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { TransportRequest, TransportResponse } from '../ports.js';
import type { Dialer } from './dialer.js';
import { SilenceError, timerMs } from './silence-error.js';

/**
 * After this much silence the kernel probes the peer; after ten unanswered probes, a second apart
 * (libuv's interval), it closes the connection. During a watch, a peer that vanished is detected
 * after 25 s. A peer whose program hangs while its kernel still answers is not detected.
 */
const KEEP_ALIVE_MS = 15_000;

export interface Http1Options {
  readonly dialer: Dialer;
  readonly url: URL;
}

/** HTTP/1.1 over kept-alive connections: one for each current request. */
export class Http1Exchanges {
  readonly #options: Http1Options;
  readonly #agent: http.Agent;
  readonly #isTls: boolean;
  #waiting: Socket[] = [];

  constructor(options: Http1Options) {
    this.#options = options;
    this.#isTls = options.url.protocol === 'https:';
    const agentOptions = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    const agent = this.#isTls ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
    const createConnection = (target: { timeout?: number }, done: Done): undefined => {
      this.#connect(target.timeout ?? 0).then(
        (socket) => done(null, socket),
        (error: unknown) => done(error as Error, undefined as never),
      );
    };
    this.#agent = Object.assign(agent, { createConnection });
  }

  /** Adopts a connection that was opened to find out which protocol the server speaks. */
  adopt(socket: Socket): void {
    const drop = (): void => {
      this.#waiting = this.#waiting.filter((one) => one !== socket);
    };
    socket.once('close', drop).on('error', drop);
    for (const older of this.#waiting.splice(0)) older.destroy();
    this.#waiting.push(socket);
  }

  /** @param path includes the server's prefix */
  async send(
    request: TransportRequest,
    path: string,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    const response = await answerOf(this.#start(request, path, signal), request);
    return {
      httpStatus: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'],
      body: response as AsyncIterable<Uint8Array>,
    };
  }

  dropIdle(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  destroy(): void {
    this.dropIdle();
    this.#agent.destroy();
  }

  async #connect(timeoutMs: number): Promise<Socket> {
    const socket = this.#waiting.shift();
    return socket ?? this.#options.dialer.dial(['http/1.1'], timeoutMs);
  }

  #start(request: TransportRequest, path: string, signal: AbortSignal): http.ClientRequest {
    const { url } = this.#options;
    const { method, headers, body, idleTimeoutMs } = request;
    const start = this.#isTls ? https.request : http.request;
    return start({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? null : url.port,
      agent: this.#agent,
      method,
      path,
      headers: {
        ...(headers as Record<string, string | string[]>),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      timeout: idleTimeoutMs,
      signal,
    });
  }
}

type Done = (error: Error | null, stream: Duplex) => void;

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
