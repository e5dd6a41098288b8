import {
  type Clock,
  type Counter,
  DEFAULT_BUCKETS,
  type Gauge,
  type Histogram,
  type Labels,
  type Logger,
  type Metrics,
} from '@nodeagent/base';

import { type Answer, failure, type NodeRequest, Refusal } from '../model/exchange.js';
import { ANONYMOUS } from '../model/identity.js';
import type { RouteName } from '../model/routes.js';
import { findRoute, requestLabels, type RouteLimits } from '../plan/find-route.js';
import type { Doorkeeper } from './admit.js';

/** A request that has been routed and admitted. */
export interface HandlerCall {
  readonly request: NodeRequest;
  /** The values of the route's `:words`. */
  readonly params: Readonly<Record<string, string>>;
}

/** @throws {Refusal} to answer with it; any other error becomes a 500 */
export type Handler = (call: HandlerCall, signal: AbortSignal) => Promise<Answer> | Answer;
/** The answers by route. */
export type Handlers = Readonly<Partial<Record<RouteName, Handler>>>;

export interface NodeApiOptions {
  readonly doorkeeper: Pick<Doorkeeper, 'admit'>;
  /** A route without handler answers 404. */
  readonly handlers: Handlers;
  readonly limits: RouteLimits;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The node API without its transport: converts a request to an answer. */
export class NodeApi {
  readonly #options: NodeApiOptions;
  readonly #requests: Counter;
  readonly #durations: Histogram;
  readonly #inFlight: Gauge;
  readonly #running = new Map<string, { readonly labels: Labels; count: number }>();

  constructor(options: NodeApiOptions) {
    this.#options = options;
    const labelNames = ['long_running', 'method', 'path', 'server_type'];
    const { metrics } = options;
    this.#requests = metrics.counter({
      name: 'kubelet_http_requests_total',
      help: 'Number of requests to the node API.',
      labelNames,
    });
    this.#durations = metrics.histogram({
      name: 'kubelet_http_requests_duration_seconds',
      help: 'Duration in seconds of requests to the node API; for streams, until their start.',
      labelNames,
      buckets: DEFAULT_BUCKETS,
    });
    this.#inFlight = metrics.gauge({
      name: 'kubelet_http_inflight_requests',
      help: 'Number of requests to the node API in progress.',
      labelNames,
    });
  }

  /** Handles a request on the TLS port, with authentication and authorization. Never rejects. */
  handle(request: NodeRequest, signal: AbortSignal): Promise<Answer> {
    const { doorkeeper, limits } = this.#options;
    return this.#measured(request, 'readwrite', async () => {
      const identity = await doorkeeper.admit(request);
      if (identity !== ANONYMOUS) request.onKnown?.();
      return this.#answer(request, limits, signal);
    });
  }

  /**
   * Handles a request on the read-only port, which serves only open routes to everyone. Never
   * rejects.
   */
  handleReadOnly(request: NodeRequest, signal: AbortSignal): Promise<Answer> {
    return this.#measured(request, 'readonly', () =>
      this.#answer(request, { debug: false }, signal),
    );
  }

  async #answer(request: NodeRequest, limits: RouteLimits, signal: AbortSignal): Promise<Answer> {
    const match = findRoute(request.method, request.path, limits);
    switch (match.kind) {
      case 'debug-disabled':
        return failure(405, 'Debug endpoints are disabled.');
      case 'method':
        return failure(405, '405: Method Not Allowed');
      case 'unknown':
        return failure(404, '404 page not found');
      case 'found': {
        const handler = this.#options.handlers[match.route.name];
        if (handler === undefined) return failure(404, '404 page not found');
        return handler({ request, params: match.params }, signal);
      }
    }
  }

  async #measured(
    request: NodeRequest,
    serverType: string,
    answer: () => Promise<Answer>,
  ): Promise<Answer> {
    const { clock, log } = this.#options;
    const labels: Labels = {
      ...requestLabels(request.method, request.path),
      server_type: serverType,
    };
    const startedMs = clock.monotonicMs();
    this.#requests.increment(labels);
    this.#count(labels, 1);
    try {
      return await answer();
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      log.error({ err: error, method: request.method, path: request.path }, 'request failed');
      return failure(500, error instanceof Error ? error.message : String(error));
    } finally {
      this.#count(labels, -1);
      this.#durations.observe((clock.monotonicMs() - startedMs) / 1000, labels);
    }
  }

  #count(labels: Labels, by: number): void {
    const key = JSON.stringify(labels);
    const running = this.#running.get(key) ?? { labels, count: 0 };
    running.count += by;
    this.#running.set(key, running);
    this.#inFlight.set(running.count, labels);
  }
}
