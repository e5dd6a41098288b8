import http from 'node:http';
import {
  createSecureServer,
  type Http2ServerRequest,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly httpVersion: string;
  readonly body: string;
  /** The number of its connection, counted from 1. */
  readonly connection: number;
}

export type Script = (seen: Seen, response: http.ServerResponse, socket: Socket) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  readonly server: http.Server;
  readonly seen: readonly Seen[];
  readonly sockets: ReadonlySet<Socket>;
  /** Number of HTTP/2 connections. */
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** Number of answers that have neither ended nor been abandoned. */
  underWay(): number;
  script: Script;
  readonly close: () => Promise<void>;
}

export interface ScriptedServerOptions {
  /** Speaks TLS. */
  readonly tls?: https.ServerOptions;
  /** Also speaks HTTP/2, with these settings; needs TLS. */
  readonly http2?: SecureServerOptions['settings'];
  readonly port?: number;
}

/** An HTTP server whose answers the test writes. */
export async function startScriptedServer(
  script: Script,
  options: ScriptedServerOptions = {},
): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  /** By the client's port, because HTTP/2 does not expose its sockets. */
  const known = new Map<number, { readonly number: number; readonly socket: Socket }>();
  let connections = 0;
  let answers = 0;
  const onRequest: http.RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    answers += 1;
    response.once('close', () => (answers -= 1));
    request.on('end', () => {
      const { number = 0, socket = request.socket } =
        known.get(request.socket.remotePort ?? 0) ?? {};
      const entry: Seen = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        httpVersion: request.httpVersion,
        body: Buffer.concat(chunks).toString(),
        connection: number,
      };
      seen.push(entry);
      running.script(entry, response, socket);
    });
  };
  const server = createServer(options, onRequest);
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session.once('close', () => sessions.delete(session)));
    session.on('error', () => undefined); // the close event follows
  });
  server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    known.set(socket.remotePort ?? 0, { number: (connections += 1), socket });
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const running = {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    server,
    seen,
    sockets,
    sessions,
    underWay: () => answers,
    script,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return running;
}

function createServer(
  { tls, http2 }: ScriptedServerOptions,
  onRequest: http.RequestListener,
): http.Server {
  if (tls === undefined) return http.createServer(onRequest);
  if (http2 === undefined) return https.createServer(tls, onRequest);
  const server = createSecureServer({ ...tls, allowHTTP1: true, settings: http2 });
  // Tests use only what both kinds of requests and answers have in common.
  server.on('request', onRequest as unknown as (request: Http2ServerRequest) => void);
  return server as unknown as http.Server;
}

export function answer(
  response: http.ServerResponse,
  httpStatus: number,
  body: unknown,
  headers: http.OutgoingHttpHeaders = {},
): void {
  response.writeHead(httpStatus, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export function statusBody(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}
