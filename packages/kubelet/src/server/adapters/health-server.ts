import { createServer, type Server } from 'node:http';

import type { Clock, Counter, Logger, Metrics } from '@nodeagent/base';
import { guardServer } from '@nodeagent/component-base/guard-server';

import type { HealthServer } from '../../node/index.js';
import { failure } from '../model/exchange.js';
import { healthChecks, healthPage } from '../render/health-page.js';

export interface HealthServerOptions {
  readonly address: string;
  /** 0 disables the server. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

const RETRY_MS = 5000;
/** Health checks need few connections. */
const LIMITS = { most: 128, mostOfStranger: 32 };

/** Serves `/healthz` and the checks below it as plain text, without authentication. */
export function createHealthServer({
  address,
  port,
  metrics,
  clock,
  log,
}: HealthServerOptions): HealthServer {
  const turnedAway: Counter = metrics.counter({
    name: 'kubelet_healthz_connections_turned_away_total',
    help: 'Number of connections to the health port that were closed to limit the resources of clients.',
    labelNames: ['reason'],
  });
  return {
    run: async (problem, signal) => {
      if (port === 0) return;
      while (!signal.aborted) {
        const server = healthServer(problem);
        guardServer(server, { turnedAway, clock, limits: LIMITS });
        try {
          await listen(server, port, address, signal);
          return;
        } catch (err) {
          log.warn({ err, address, port }, 'health server cannot listen');
        }
        if ((await clock.sleep(RETRY_MS, signal)) === 'aborted') return;
      }
    },
  };
}

function healthServer(problem: () => string | undefined): Server {
  const checks = healthChecks(problem);
  return createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const isKnown = path === '/healthz' || path.startsWith('/healthz/');
    const answer = isKnown
      ? healthPage(checks, path, new URLSearchParams(query))
      : failure(404, '404 page not found');
    response.writeHead(answer.status, { 'Content-Type': answer.contentType }).end(answer.body);
  });
}

/** Serves until the signal fires. @throws if the address is unavailable */
async function listen(
  server: Server,
  port: number,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    server.once('close', resolve);
    server.once('error', reject);
  });
  server.listen({ port, host: address, signal });
  const quit = (): void => server.closeAllConnections();
  signal.addEventListener('abort', quit, { once: true });
  try {
    await ended;
  } finally {
    signal.removeEventListener('abort', quit);
  }
}
