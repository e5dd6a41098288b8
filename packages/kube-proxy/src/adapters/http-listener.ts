import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import type { Clock, Metrics } from '@nodeagent/base';
import { guardServer } from '@nodeagent/component-base/guard-server';

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
  const { status, headers, body } = await ask(request, handler);
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function ask(request: IncomingMessage, handler: HttpHandler): Promise<HttpAnswer> {
  try {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://host');
    const { accept } = request.headers;
    return await handler({ method: request.method ?? 'GET', path, query, accept });
  } catch (error) {
    return { status: 500, body: `${(error as Error).message}\n` };
  }
}
