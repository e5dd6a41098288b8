import { Buffer } from 'node:buffer';
import http from 'node:http';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';

import type { SpareDescriptor } from '@nodeagent/base/system';

import type { Connection } from '../model/connection.js';
import { SilenceError } from './silence-error.js';

export interface DialerOptions {
  readonly connection: Connection;
  /** Undefined for a plain `http` server. */
  readonly secureContext: SecureContext | undefined;
  /** For a connection when no descriptor is free; none when absent. */
  readonly spare?: SpareDescriptor;
}

/** Opens connections to one API server, through its HTTP proxy's CONNECT if it has one. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #host: string;
  readonly #port: number;

  constructor(options: DialerOptions) {
    this.#options = options;
    const { protocol, hostname, port } = new URL(options.connection.server);
    this.#host = hostname.replace(/^\[|\]$/g, '');
    this.#port = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  }

  /**
   * @param protocols offered by ALPN, the preferred one first
   * @param timeoutMs maximum silence of the proxy, and of the server during the TLS handshake
   */
  dial(protocols: readonly string[], timeoutMs: number): Promise<Socket | TLSSocket> {
    const { spare } = this.#options;
    const dial = (): Promise<Socket | TLSSocket> => this.#dial(protocols, timeoutMs);
    return spare === undefined ? dial() : spare.lend(dial);
  }

  async #dial(protocols: readonly string[], timeoutMs: number): Promise<Socket | TLSSocket> {
    const { connection, secureContext } = this.#options;
    const { proxyUrl } = connection;
    const target = { host: this.#host, port: this.#port };
    const tunnel =
      proxyUrl === undefined ? undefined : await openTunnel(new URL(proxyUrl), target, timeoutMs);
    if (secureContext === undefined) return tunnel ?? opened(connectPlain(target), timeoutMs);
    const socket = connectTls({
      ...target,
      ...(tunnel === undefined ? {} : { socket: tunnel }),
      ...nameOptions(connection.tlsServerName ?? this.#host, connection.tlsServerName),
      secureContext,
      rejectUnauthorized: connection.insecureSkipTlsVerify !== true,
      ALPNProtocols: [...protocols],
    });
    return opened(socket, timeoutMs, 'secureConnect');
  }
}

/** The server name for the TLS handshake, which allows host names only (RFC 6066 section 3). */
function nameOptions(name: string, expected: string | undefined): ConnectionOptions {
  return {
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(expected === undefined || isIP(expected) === 0
      ? {}
      : { checkServerIdentity: (_, certificate) => checkServerIdentity(expected, certificate) }),
  };
}

function opened<T extends Socket>(socket: T, timeoutMs: number, event = 'connect'): Promise<T> {
  return new Promise((resolve, reject) => {
    const tooLate = (): void => void socket.destroy(new SilenceError(timeoutMs));
    socket.setTimeout(timeoutMs, tooLate);
    socket.on('error', reject); // stays: an early error must not end the process
    socket.once(event, () => {
      socket.setTimeout(0).off('timeout', tooLate);
      resolve(socket);
    });
  });
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function openTunnel(proxy: URL, { host, port }: Target, timeoutMs: number): Promise<Socket> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const { username, password } = proxy;
  const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const request = http.request({
    host: proxy.hostname,
    port: proxy.port === '' ? 80 : proxy.port,
    method: 'CONNECT',
    path: address,
    agent: false,
    timeout: timeoutMs,
    headers: {
      host: address,
      ...(username === ''
        ? {}
        : { 'proxy-authorization': `Basic ${Buffer.from(secret, 'utf8').toString('base64')}` }),
    },
  });
  return new Promise((resolve, reject) => {
    request.once('timeout', () => request.destroy(new SilenceError(timeoutMs)));
    request.once('connect', ({ statusCode, statusMessage }, socket: Socket) => {
      socket.setTimeout(0);
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`the proxy ${proxy.host} answered ${statusCode} ${statusMessage}`));
    });
    request.once('error', (cause) => {
      reject(new Error(`the proxy ${proxy.host} cannot be used: ${cause.message}`, { cause }));
    });
    request.end();
  });
}
