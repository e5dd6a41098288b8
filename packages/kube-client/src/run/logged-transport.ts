import type { Clock, Logger } from '@nodeagent/base';
import type { ChannelSocket } from '@nodeagent/pod-streams';

import type {
  ChannelRequest,
  Credential,
  Transport,
  TransportRequest,
  TransportResponse,
} from '../ports.js';

export interface LoggedTransportOptions {
  readonly transport: Transport;
  readonly log: Logger;
  readonly clock: Clock;
}

/** The status of an answer that opens a session. */
const SWITCHED = 101;

/** Writes each request into the log, with its status; never bodies or credentials. */
export class LoggedTransport implements Transport {
  readonly #options: LoggedTransportOptions;

  constructor(options: LoggedTransportOptions) {
    this.#options = options;
  }

  send(
    request: TransportRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    const { transport } = this.#options;
    const answer = transport.send(request, credential, signal);
    return this.#logged(request, answer, ({ httpStatus }) => httpStatus);
  }

  openChannels(
    request: ChannelRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<ChannelSocket> {
    const answer = this.#options.transport.openChannels(request, credential, signal);
    return this.#logged({ method: 'GET', path: request.path }, answer, () => SWITCHED);
  }

  async #logged<T>(
    { method, path }: Pick<TransportRequest, 'method' | 'path'>,
    answer: Promise<T>,
    statusOf: (answer: T) => number,
  ): Promise<T> {
    const { log, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const fields = (): Readonly<Record<string, unknown>> => ({
      ...{ method, path, durationMs: Math.round(clock.monotonicMs() - startedMs) },
    });
    try {
      const answered = await answer;
      log.debug({ ...fields(), status: statusOf(answered) }, 'the API server answered');
      return answered;
    } catch (err) {
      log.debug({ ...fields(), err }, 'the API server did not answer');
      throw err;
    }
  }

  close(): void {
    this.#options.transport.close();
  }
}
