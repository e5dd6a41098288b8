import { type IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  Http2ServerRequest,
  type SecureServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import type { Logger } from '@nodeagent/base';
import type { UpgradeRequest } from '@nodeagent/component-base/upgrade';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';

import { decodeProtobuf } from '../codec/protobuf.js';
import { ApiServerError, StatusError, statusError } from '../model/errors.js';
import type { UserInfo } from '../model/request.js';
import { parseNodeRoute } from '../plan/node-path.js';
import type { TokenAuthenticator } from '../ports.js';
import { errorLine } from '../render/error-line.js';
import type { Api } from '../run/api.js';
import type { ApiAnswer } from '../run/api-answer.js';
import { forwardToNode, type NodeIdentity, upgradeToNode } from './node-connection.js';
import type { KeyedCertificate } from './pki.js';

export interface HttpsServerOptions {
  readonly api: Api;
  readonly host: string;
  readonly port: number;
  readonly certificate: KeyedCertificate;
  readonly caPem: string;
  readonly authenticate: TokenAuthenticator;
  readonly apiAudience: string;
  /** The certificate that this server presents to nodes. */
  readonly nodeIdentity: NodeIdentity;
  /** True when a quiet watch gets bookmarks with its present version. */
  readonly sendsBookmarks: boolean;
  readonly log: Logger;
}

export interface HttpsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Upstream's limit on request bodies. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** A watcher with this much unread data is cut off; it resumes from the version it has. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024;

/**
 * Maximum number of concurrent requests on one HTTP/2 connection: Kubernetes 1.36
 * apiserver/pkg/server/secure_serving.go.
 */
const MAX_STREAMS = 100;
/**
 * Maximum data waiting to be sent on one HTTP/2 connection: several watchers may lag by their full
 * limit.
 */
const MAX_SESSION_MIB = 128;

const BOOKMARK_PERIOD_MS = 60_000;

/** @throws {ApiServerError} `APISERVER_LISTEN` */
export async function startHttpsServer(options: HttpsServerOptions): Promise<HttpsServer> {
  const { certificate, caPem, log } = options;
  const tls = {
    key: certificate.keyPem,
    cert: certificate.certificatePem,
    ca: caPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    allowHalfOpen: true,
    allowHTTP1: true, // upgrades need it
    settings: { maxConcurrentStreams: MAX_STREAMS, enablePush: false },
    maxSessionMemory: MAX_SESSION_MIB,
  } satisfies SecureServerOptions & { allowHalfOpen: boolean };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    serve(options, request, response).catch((error: unknown) => {
      log.error({ err: error, method: request.method, url: request.url }, 'request failed');
      if (response.headersSent) response.destroy();
      else {
        const status = new StatusError(
          500,
          'InternalError',
          `Internal error occurred: ${String(error)}`,
        ).status;
        send(response, { kind: 'body', httpStatus: 500, body: status }, '');
      }
    });
  };
  const server = createSecureServer(tls);
  // HTTP/2 requests and answers have every HTTP/1.1 member used here; their types do not say so.
  server.on('request', answer as unknown as (request: Http2ServerRequest) => void);
  server.on('upgrade', (request: IncomingMessage, socket: TLSSocket, head: Buffer) => {
    socket.on('error', () => undefined); // a close event follows
    serveUpgrade(options, { request, socket, head }).catch((error: unknown) => {
      log.error({ err: error, url: request.url }, 'upgrade failed');
      socket.destroy();
    });
  });
  // the type lacks the members that the server inherits from HTTP/1.1
  Object.assign(server, { keepAliveTimeout: 120_000 });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(server, options);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // including connections without a TLS handshake
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listen(server: Http2SecureServer, { host, port }: HttpsServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: Error) => {
      const message = `cannot listen on ${host}:${port}: ${cause.message}; choose another port`;
      reject(new ApiServerError('APISERVER_LISTEN', message, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

async function serve(
  options: HttpsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const accept = request.headers.accept ?? '';
  if (/^\/(healthz|livez|readyz)(\/|$)/.test(url.pathname)) {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('ok');
    return;
  }
  const client = { isGone: false };
  response.once('close', () => {
    client.isGone = true;
  });
  // a body for the node is not read here
  const onNode = parseNodeRoute(url.pathname) !== undefined;
  try {
    const bytes = onNode ? Buffer.alloc(0) : await readBody(request);
    const answer = await ask(options, request, bytes);
    if (client.isGone) return; // nobody would say when a watch is over
    if (answer.kind === 'watch') stream(answer, response, options);
    else if (answer.kind === 'proxy') {
      const { nodeIdentity: identity } = options;
      await forwardToNode(request, response, { target: answer.target, identity });
    } else send(response, answer, accept);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    send(response, { kind: 'body', httpStatus: error.httpStatus, body: error.status }, accept);
  }
}

/** @throws {StatusError} */
async function ask(
  options: HttpsServerOptions,
  request: IncomingMessage,
  body: Buffer,
): Promise<ApiAnswer> {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const user = await authenticated(options, request);
  const contentType = request.headers['content-type'] ?? '';
  return options.api.handle({
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    accept: request.headers.accept ?? '',
    userAgent: request.headers['user-agent'] ?? '',
    contentType,
    body: decodeBody(body, contentType),
    user,
  });
}

/** The only upgrades are streams of nodes; any other upgrade is answered and closed. */
async function serveUpgrade(options: HttpsServerOptions, client: UpgradeRequest): Promise<void> {
  const { request, socket } = client;
  let refusal: Exclude<ApiAnswer, { kind: 'proxy' }>;
  try {
    const answer = await ask(options, request, Buffer.alloc(0));
    if (answer.kind === 'proxy') {
      await upgradeToNode(client, answer.target, options.nodeIdentity);
      return;
    }
    refusal = answer;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    refusal = { kind: 'body', httpStatus: error.httpStatus, body: error.status };
  }
  if (socket.destroyed) return;
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.end());
  if (refusal.kind === 'watch') stream(refusal, response, options);
  else send(response, refusal, request.headers.accept ?? '');
}

/** Accepts a client certificate of the CA, or a bearer token. @throws {StatusError} 401 */
async function authenticated(
  { authenticate, apiAudience }: HttpsServerOptions,
  request: IncomingMessage,
): Promise<UserInfo> {
  const connection = connectionOf(request);
  const known = knownUsers.get(connection) ?? userOfCertificate(request.socket);
  if (known !== undefined) {
    knownUsers.set(connection, known);
    return known;
  }
  const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
  const found = token === undefined ? undefined : await authenticate(token, [apiAudience]);
  if (found === undefined) throw statusError.unauthorized();
  return found.user;
}

/** A connection's certificate does not change, and reading it costs about half a millisecond. */
const knownUsers = new WeakMap<object, UserInfo>();

function connectionOf(request: IncomingMessage | Http2ServerRequest): object {
  const session = request instanceof Http2ServerRequest ? request.stream.session : undefined;
  return session ?? request.socket;
}

function userOfCertificate(socket: Socket): UserInfo | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const { CN, O }: { CN?: string | string[]; O?: string | string[] } = subject;
  if (typeof CN !== 'string') return undefined;
  const groups = O === undefined ? [] : [O].flat();
  return { username: CN, groups: [...groups, 'system:authenticated'] };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new StatusError(413, 'RequestEntityTooLarge', `limit is ${MAX_BODY_BYTES}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const BODY_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

function decodeBody(bytes: Buffer, contentType: string): unknown {
  if (bytes.length === 0) return undefined;
  if (contentType.includes('protobuf')) {
    return decodeProtobuf(bytes);
  }
  if (contentType !== '' && !/json|yaml/.test(contentType)) {
    throw statusError.unsupportedMediaType(BODY_TYPES);
  }
  const text = bytes.toString('utf8');
  try {
    return contentType.includes('yaml')
      ? (parseYaml(text) as unknown)
      : (JSON.parse(text) as unknown);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw statusError.badRequest(
      `the object provided is unrecognized (must be of type JSON or YAML): ${why}`,
    );
  }
}

function send(
  response: ServerResponse,
  answer: Exclude<ApiAnswer, { kind: 'watch' | 'proxy' }>,
  accept: string,
): void {
  if (answer.kind === 'bytes') {
    response.writeHead(answer.httpStatus, { 'content-type': answer.contentType });
    response.end(answer.bytes);
    return;
  }
  const yaml = accept.split(',')[0]?.includes('yaml') === true;
  const contentType = answer.contentType ?? (yaml ? 'application/yaml' : 'application/json');
  // bytes and not text, with which Node would write the headers in UTF-8 too
  const bytes = Buffer.from(yaml ? stringifyYaml(answer.body) : `${JSON.stringify(answer.body)}\n`);
  const headers = {
    'content-type': contentType,
    'content-length': bytes.length,
    ...warningHeader(answer.warnings),
  };
  response.writeHead(answer.httpStatus, headers);
  response.end(bytes);
}

/** @see Kubernetes 1.36 apimachinery pkg/util/net/http.go, NewWarningHeader */
function warningHeader(warnings: readonly string[] = []): Readonly<Record<string, string[]>> {
  if (warnings.length === 0) return {};
  const quoted = (text: string): string => text.replace(/[\\"]/g, '\\$&').replace(/[\r\n]+/g, ' ');
  // a real server sends UTF-8; Node's headers are the bytes as Latin-1
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  return { warning: warnings.map((text) => bytes(`299 - "${quoted(text)}"`)) };
}

function stream(
  { open, timeoutMs }: Extract<ApiAnswer, { kind: 'watch' }>,
  response: ServerResponse,
  { sendsBookmarks }: Pick<HttpsServerOptions, 'sendsBookmarks'>,
): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    response.end();
  };
  try {
    const watch = open((line) => {
      if (ended) return;
      response.write(line);
      if (response.writableLength > MAX_UNREAD_BYTES) end();
    }, end);
    const tellPlace = (): void => {
      if (sendsBookmarks) watch.bookmark();
    };
    const bookmarks = setInterval(tellPlace, BOOKMARK_PERIOD_MS);
    const deadline = setTimeout(
      () => {
        tellPlace();
        end();
      },
      Math.min(timeoutMs, 2 ** 31 - 1),
    );
    response.on('close', () => {
      clearInterval(bookmarks);
      clearTimeout(deadline);
      watch.stop();
    });
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    response.write(errorLine(error));
    end();
  }
}
