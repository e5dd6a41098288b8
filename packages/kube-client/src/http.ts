import type { Clock, Logger, Metrics } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import { createCredentialSource } from './adapters/credentials.js';
import { createHttpTransport } from './adapters/http-transport.js';
import type { Liveness } from './adapters/http2-connection.js';
import type { Connection } from './model/connection.js';
import type { TokenBucketRules } from './plan/token-bucket.js';
import type { KubeClient, ObjectName, PodLogOptions } from './ports.js';
import { ApiClient } from './run/api-client.js';
import { LoggedTransport } from './run/logged-transport.js';
import { MeteredTransport } from './run/metered-transport.js';
import { createRequestMeter } from './run/request-meter.js';

export type { Liveness, PodLogOptions };

/** Limits and observers of a client. */
export interface KubeClientOptions {
  /** E.g. `kubelet/v1.36.2 (linux/amd64)`. */
  readonly userAgent?: string;
  /**
   * No limit when absent. A watch counts once, when it starts; a list counts once for all its
   * pages.
   */
  readonly rateLimit?: TokenBucketRules | undefined;
  /** Maximum silence of the server on all requests except watches; 30 s when absent. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Maximum silence on a watch. When absent: the watch's timeout plus a minute, because the server
   * may have no events for that long.
   */
  readonly watchIdleTimeoutMs?: number;
  /** Timings of HTTP/2 PINGs; when absent, a PING after 30 s of silence and 15 s for its answer. */
  readonly liveness?: Liveness;
  readonly clock?: Clock;
  /** Receives a debug line for each request. */
  readonly log?: Logger;
  /** Registers the metrics `rest_client_*`. */
  readonly metrics?: Metrics;
}

/** A client that holds connections. */
export interface HttpKubeClient extends KubeClient {
  /**
   * Reads the log of a pod's container in pieces as they arrive, not cut at lines. With `follow` it
   * goes on until the container has ended; leaving the loop ends it too.
   *
   * @throws {KubeError} also while it is read: `KUBE_UNAVAILABLE` when the connection breaks
   * @example
   * const web = { namespace: 'default', name: 'web' };
   * for await (const piece of client.podLog(web, { follow: true })) process.stdout.write(piece);
   */
  podLog(
    name: ObjectName,
    options?: PodLogOptions,
    signal?: AbortSignal,
  ): AsyncIterableIterator<Uint8Array>;
  /**
   * Reads a JSON document of a node's kubelet through the API server, without nulls.
   *
   * @param path `stats/summary`, `configz`
   */
  nodeDocument(node: string, path: string, signal?: AbortSignal): Promise<unknown>;
  /** Closes all connections; current calls fail. */
  close(): void;
}

/** Creates a client of the API server of a connection; it sends nothing before the first call. */
export function createKubeClient(
  connection: Connection,
  options: KubeClientOptions = {},
): HttpKubeClient {
  const { rateLimit, metrics, log, clock = createSystemClock() } = options;
  const { headers } = connection.user;
  const http = createHttpTransport(connection, options.liveness);
  const transport = log === undefined ? http : new LoggedTransport({ transport: http, log, clock });
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
    ...(metrics === undefined ? {} : { meter: createRequestMeter(metrics, host) }),
    ...(headers === undefined ? {} : { headers }),
  });
}
