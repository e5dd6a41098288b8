import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';

import type { Clock, Metrics } from '@nodeagent/base';
import { guardServer, readBody } from '@nodeagent/component-base/guard-server';

import type { HttpAnswer, HttpHandler, HttpListener } from '../ports.js';
import { listening } from './listening.js';

export interface HttpListenerOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly metrics: Pick<Metrics, 'counter'>;
}

/** Limits for each listening address: health checks and scrapes come one at a time. */
const LIMITS = { most: 128, mostOfStranger: 32 };

/** Plain HTTP by Node's own server, with bounded connections. */
export function createHttpListener({ clock, metrics }: HttpListenerOptions): HttpListener {
  const turnedAway = metrics.counter({
    name: 'kubeproxy_http_connections_turned_away_total',
    help: 'Connections to the proxy’s health and metrics ports that were closed to limit the number of open ones.',
    labelNames: ['reason'],
  });
  return {
    listen: async ({ host, port }, handler) => {
      const server = createServer((request, response) => void answer(request, response, handler));
      guardServer(server, { turnedAway, clock, limits: LIMITS });
      await listening(server, { host, port });
      return {
        close: async () => {
          const closed = new Promise<void>((resolve) => server.close(() => resolve()));
          server.closeAllConnections();
          await closed;
        },
      };
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handler: HttpHandler,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('the client is gone')));
  const { status, headers, body, pieces } = await ask(request, handler, gone.signal);
  const isHead = request.method === 'HEAD';
  if (pieces === undefined) {
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(isHead ? undefined : body);
    return;
  }
  response.writeHead(status, headers);
  if (isHead) response.end();
  else await pipeline(pieces, response).catch(() => response.destroy());
}

async function ask(
  request: IncomingMessage,
  handler: HttpHandler,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  try {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://host');
    const { accept } = request.headers;
    const method = request.method ?? 'GET';
    const body = (mostBytes: number): Promise<string | undefined> => readBody(request, mostBytes);
    return await handler({ method, path, query, accept, signal, readBody: body });
  } catch (error) {
    return { status: 500, body: `${(error as Error).message}\n` };
  }
}
