import type { Clock, Metrics } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import { createCredentialSource } from './adapters/credentials.js';
import { createHttpTransport } from './adapters/http-transport.js';
import type { Liveness } from './adapters/http2-connection.js';
import type { Connection } from './model/connection.js';
import type { TokenBucketRules } from './plan/token-bucket.js';
import type { KubeClient } from './ports.js';
import { ApiClient } from './run/api-client.js';
import { MeteredTransport } from './run/metered-transport.js';

export type { Liveness };

export interface KubeClientOptions {
  /** e.g. `kubelet/v1.36.2 (linux/amd64)`. */
  readonly userAgent?: string;
  /** No limit when absent. Watches count when they start, lists once for all their pages. */
  readonly rateLimit?: TokenBucketRules;
  /** Longest silence of the server in anything but a watch; 30 s when absent. */
  readonly requestTimeoutMs?: number;
  /**
   * Longest silence on a watch; when absent until a minute after the time that the server was given,
   * as it may have nothing to say of a quiet kind for that long.
   */
  readonly watchIdleTimeoutMs?: number;
  /** When HTTP/2 connections are asked for a sign of life; after 30 s, with 15 s of patience, when absent. */
  readonly liveness?: Liveness;
  readonly clock?: Clock;
  /** Where `rest_client_requests_total` and `rest_client_request_duration_seconds` go. */
  readonly metrics?: Metrics;
}

/** A client that holds connections. */
export interface HttpKubeClient extends KubeClient {
  /** Ends all connections; calls under way fail. */
  close(): void;
}

/** A client of the API server at the end of a connection; nothing is sent before the first call. */
export function createKubeClient(
  connection: Connection,
  options: KubeClientOptions = {},
): HttpKubeClient {
  const { rateLimit, metrics, clock = createSystemClock() } = options;
  const { headers } = connection.user;
  const transport = createHttpTransport(connection, options.liveness);
  const { host } = new URL(connection.server);
  return new ApiClient({
    transport:
      metrics === undefined ? transport : new MeteredTransport({ transport, metrics, clock, host }),
    credentials: createCredentialSource(connection),
    clock,
    userAgent: options.userAgent ?? 'nodeagent',
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    watchIdleTimeoutMs: options.watchIdleTimeoutMs,
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(headers === undefined ? {} : { headers }),
  });
}
