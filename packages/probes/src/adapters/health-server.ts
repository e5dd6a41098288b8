import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type CheckedPart, healthText, requestedChecks } from '../plan/health-report.js';

/** Passes when it returns or resolves; fails when it throws or rejects. */
export type HealthCheck = (signal: AbortSignal) => unknown;

/** The address to listen on, and the checks behind each path. */
export interface HealthServerOptions {
  /** A free one when absent. */
  readonly port?: number;
  /** The address to listen on; `127.0.0.1` when absent, `::` for all. */
  readonly host?: string;
  /** The checks of each path, by name; `{ '/healthz': {} }` when absent, which always passes. */
  readonly paths?: Readonly<Record<string, Readonly<Record<string, HealthCheck>>>>;
  /** A check that takes longer fails, and its signal is aborted; 1 s when absent. */
  readonly timeoutMs?: number;
  /** Receives why a check failed, which the answer does not say; must not throw. */
  readonly onFailure?: (check: string, error: unknown) => void;
}

/** A server that answers probes until it is closed. */
export interface HealthServer extends AsyncDisposable {
  /** For example `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Aborts checks under way and closes all connections. */
  close(): Promise<void>;
}

/**
 * Serves health checks for probes: 200 when all checks of a path pass, 503 when one does not. With
 * `?verbose` the answer lists them; `/healthz/database` makes the one named `database`.
 *
 * @throws the error of `node:net` when it cannot listen
 * @example
 * ```ts
 * import { serveHealth } from '@nodeagent/probes/serve';
 *
 * const queue: string[] = [];
 * const backlog = () => {
 *   if (queue.length > 1000) throw new Error('the queue is too long');
 * };
 * await using health = await serveHealth({ paths: { '/livez': {}, '/readyz': { backlog } } });
 * console.log((await fetch(`${health.url}/readyz`)).status); // 200
 * ```
 */
export async function serveHealth(options: HealthServerOptions = {}): Promise<HealthServer> {
  const { host = '127.0.0.1', port = 0 } = options;
  const closing = new AbortController();
  const server = createServer((request, response) => {
    void answer(request, response, { ...options, signal: closing.signal });
  });
  server.listen({ port, host });
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  const close = async (): Promise<void> => {
    closing.abort(new Error('the health server is closing'));
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const url = `http://${name}:${bound.port}`;
  return { url, port: bound.port, close, [Symbol.asyncDispose]: close };
}

type AnswerOptions = HealthServerOptions & Readonly<{ signal: AbortSignal }>;

async function answer(
  { method = '', url = '/' }: IncomingMessage,
  response: ServerResponse,
  options: AnswerOptions,
): Promise<void> {
  const { paths = { '/healthz': {} } } = options;
  const [path = '/', query = ''] = url.split('?', 2);
  const checks = requestedChecks(paths, path);
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  if (checks === undefined || (checks.length === 0 && !Object.hasOwn(paths, path))) {
    response.writeHead(404).end('not found\n');
    return;
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end('method not allowed\n');
    return;
  }
  const parts = await Promise.all(checks.map((check) => attempt(check, options)));
  const verbose = new URLSearchParams(query).has('verbose');
  response.statusCode = parts.every(({ passed }) => passed) ? 200 : 503;
  response.end(healthText(path, parts, { verbose }));
}

async function attempt(
  [name, check]: readonly [string, HealthCheck],
  { timeoutMs = 1000, onFailure, signal }: AnswerOptions,
): Promise<CheckedPart> {
  const end = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const ended = Promise.withResolvers<never>();
  const stop = (): void => ended.reject(end.reason as Error);
  end.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([(async () => check(end))(), ended.promise]);
    return { name, passed: true };
  } catch (error) {
    onFailure?.(name, error);
    return { name, passed: false };
  } finally {
    end.removeEventListener('abort', stop);
  }
}
