import type { Server } from 'node:http';

import type { Clock, Counter } from '@nodeagent/base';

import { Connections, SERVER_LIMITS, type ServerLimits } from './connections.js';

/** Limits on strangers' connections, and the counter of those that were turned away. */
export interface GuardOptions {
  /** Connections that were closed, by `reason`. */
  readonly turnedAway: Counter;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly limits?: Partial<ServerLimits>;
}

const SWEEP_MS = 5000;
/**
 * Time limits for a request's headers, for a whole request, and for a client that reads nothing of
 * its answer.
 */
const HEADERS_MS = 20_000;
const REQUEST_MS = 30_000;
const STALL_MS = 30_000;

/**
 * Bounds the resources that clients of a plain HTTP server without authentication hold: the number
 * of connections, in total and by origin, and the time of each. Call it before the server listens.
 */
export function guardServer(server: Server, { turnedAway, clock, limits }: GuardOptions): void {
  const nowMs = (): number => clock.monotonicMs();
  const connections = new Connections({ ...SERVER_LIMITS, ...limits, turnedAway, nowMs });
  Object.assign(server, {
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    timeout: STALL_MS,
  });
  server.on('connection', (socket) => connections.add(socket, 0));
  server.on('request', (request, response) => {
    const ongoing = connections.begin(request.socket);
    ongoing.serve();
    response.once('close', () => ongoing.end());
    response.once('finish', () => {
      // a body that nobody reads must not be received to its end
      if (!request.complete) request.socket.destroySoon();
    });
  });
  const sweeping = setInterval(() => connections.sweep(), SWEEP_MS).unref();
  server.once('close', () => clearInterval(sweeping));
}

export { readBody } from './read-body.js';
