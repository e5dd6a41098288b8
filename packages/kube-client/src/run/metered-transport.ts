import type { Clock, Counter, Histogram, Metrics } from '@nodeagent/base';
import type { ChannelSocket } from '@nodeagent/pod-streams';

import { isKubeError } from '../model/errors.js';
import type {
  ChannelRequest,
  Credential,
  Transport,
  TransportRequest,
  TransportResponse,
} from '../ports.js';

/** In seconds. */
const LATENCY_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** 64 bytes to 16 MiB. */
const SIZE_BUCKETS = [64, 256, 512, 1024, ...[12, 14, 16, 18, 20, 22, 24].map((n) => 2 ** n)];

export interface MeteredTransportOptions {
  readonly transport: Transport;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** The API server's host, with its port if the URL has one; used as a label. */
  readonly host: string;
}

/**
 * Counts exchanges by status code (`<error>` without an answer) and measures them to the end of the
 * body. Watches and sessions have no natural end and are only counted.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/metrics/prometheus/restclient/metrics.go
 */
export class MeteredTransport implements Transport {
  readonly #options: MeteredTransportOptions;
  readonly #requests: Counter;
  readonly #seconds: Histogram;
  readonly #sent: Histogram;
  readonly #received: Histogram;

  constructor(options: MeteredTransportOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#requests = metrics.counter({
      name: 'rest_client_requests_total',
      help: 'Number of requests to the API server, by status code.',
      labelNames: ['code', 'method', 'host'],
    });
    this.#seconds = metrics.histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Duration of requests to the API server, up to the end of the answer.',
      labelNames: ['verb', 'host'],
      buckets: LATENCY_BUCKETS,
    });
    this.#sent = metrics.histogram({
      name: 'rest_client_request_size_bytes',
      help: 'Size of bodies sent to the API server.',
      labelNames: ['verb', 'host'],
      buckets: SIZE_BUCKETS,
    });
    this.#received = metrics.histogram({
      name: 'rest_client_response_size_bytes',
      help: 'Size of bodies received from the API server, without those of watches.',
      labelNames: ['verb', 'host'],
      buckets: SIZE_BUCKETS,
    });
  }

  async send(
    request: TransportRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    const { transport, clock, host } = this.#options;
    const { method, path } = request;
    const startedMs = clock.monotonicMs();
    const isWatch = /[?&]watch=(true|1)\b/.test(path);
    const labels = { verb: method, host };
    this.#sent.observe(request.body === undefined ? 0 : Buffer.byteLength(request.body), labels);
    const ended = (receivedBytes?: number): void => {
      this.#seconds.observe((clock.monotonicMs() - startedMs) / 1000, labels);
      if (receivedBytes !== undefined) this.#received.observe(receivedBytes, labels);
    };
    try {
      const response = await transport.send(request, credential, signal);
      this.#requests.increment({ code: `${response.httpStatus}`, method, host });
      return isWatch ? response : { ...response, body: thenCall(response.body, ended) };
    } catch (error) {
      this.#requests.increment({ code: '<error>', method, host });
      if (!isWatch) ended();
      throw error;
    }
  }

  async openChannels(
    request: ChannelRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<ChannelSocket> {
    const { transport, host } = this.#options;
    const count = (code: string): void => this.#requests.increment({ code, method: 'GET', host });
    try {
      const socket = await transport.openChannels(request, credential, signal);
      count('101');
      return socket;
    } catch (error) {
      const httpStatus = isKubeError(error) ? error.httpStatus : undefined;
      count(`${httpStatus ?? '<error>'}`);
      throw error;
    }
  }

  close(): void {
    this.#options.transport.close();
  }
}

/** @param ended called with the bytes read when the body was read or abandoned */
async function* thenCall(
  body: AsyncIterable<Uint8Array>,
  ended: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      yield chunk;
    }
  } finally {
    ended(bytes);
  }
}
