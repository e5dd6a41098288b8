import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import type { HttpAnswer, HttpHandler, HttpListener } from '../ports.js';
import { listening } from './listening.js';

/** Plain HTTP by Node's own server. */
export function createHttpListener(): HttpListener {
  return {
    listen: async ({ host, port }, handler) => {
      const server = createServer((request, response) => void answer(request, response, handler));
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
