import { createServer as createPlain, type IncomingMessage, type Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket as Tls, type TLSSocket } from 'node:tls';

import { type WebSocket, WebSocketServer } from 'ws';

import type { Pair } from './certificates.js';
import { statusBody } from './scripted-server.js';

/** A request for a session. */
export interface Asked {
  readonly path: string;
  /** Pairs of the query, sorted. */
  readonly query: readonly string[];
  readonly protocols: readonly string[];
  readonly headers: IncomingMessage['headers'];
  /** Common name of the client's certificate. */
  readonly client: string | undefined;
}

export interface Refusal {
  readonly status: number;
  readonly body: string | object;
  readonly headers?: readonly string[];
}

/** Begins a session, or refuses it by returning something. */
export type Acts = (asked: Asked, accept: () => Promise<WebSocket>) => Refusal | undefined;

export interface SessionServer {
  readonly url: string;
  readonly port: number;
  readonly asked: readonly Asked[];
  readonly sockets: ReadonlySet<Socket>;
  readonly close: () => void;
}

export interface SessionServerOptions {
  readonly protocols?: readonly string[];
  readonly tls?: Pair & { readonly ca?: string };
  readonly http2?: boolean;
  readonly port?: number;
}

/** The part of an API server that opens sessions; other requests get 200 and `{}`. */
export async function startSessionServer(
  act: Acts,
  options: SessionServerOptions = {},
): Promise<SessionServer> {
  const { protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] } = options;
  const asked: Asked[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(options);
  server.on('request', (_request, response) => response.end('{}'));
  const sessions = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const one = describe(request);
    asked.push(one);
    const accept = (): Promise<WebSocket> =>
      new Promise((resolve) => sessions.handleUpgrade(request, socket, head, resolve));
    const refusal = act(one, accept);
    if (refusal) refuse(socket, refusal);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    asked,
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function createServer({ tls, http2 = false }: SessionServerOptions): Server {
  if (tls === undefined) return createPlain();
  const options = {
    ...{ cert: tls.certificatePem, key: tls.keyPem },
    ...{ requestCert: true, rejectUnauthorized: false },
    ...(tls.ca !== undefined && { ca: tls.ca }),
  };
  if (!http2) return createSecure(options);
  return createSecureServer({ ...options, allowHTTP1: true }) as unknown as Server;
}

function describe(request: IncomingMessage): Asked {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
  const { headers, socket } = request;
  return {
    path: pathname,
    query: [...searchParams].map(([name, value]) => `${name}=${value}`).toSorted(),
    protocols: (headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim()),
    headers,
    client: socket instanceof Tls ? commonName(socket) : undefined,
  };
}

function commonName(socket: TLSSocket): string | undefined {
  const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined;
  return subject?.CN;
}

function refuse(socket: Socket, { status, body, headers = [] }: Refusal): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const lines = [`HTTP/1.1 ${status} No`, `content-length: ${Buffer.byteLength(text)}`, ...headers];
  socket.end(`${lines.join('\r\n')}\r\nconnection: close\r\n\r\n${text}`);
}

/** A refusal by a Status object. */
export function status(code: number, reason: string, message: string): Refusal {
  return { status: code, body: statusBody(code, reason, message) };
}
