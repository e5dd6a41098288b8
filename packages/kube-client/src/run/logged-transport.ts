import type { Clock, Logger } from '@nodeagent/base';

import type { Credential, Transport, TransportRequest, TransportResponse } from '../ports.js';

export interface LoggedTransportOptions {
  readonly transport: Transport;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Writes each request into the log, with its status; never bodies or credentials. */
export class LoggedTransport implements Transport {
  readonly #options: LoggedTransportOptions;

  constructor(options: LoggedTransportOptions) {
    this.#options = options;
  }

  async send(
    request: TransportRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    const { transport, log, clock } = this.#options;
    const { method, path } = request;
    const startedMs = clock.monotonicMs();
    const fields = (): Readonly<Record<string, unknown>> => ({
      ...{ method, path, durationMs: Math.round(clock.monotonicMs() - startedMs) },
    });
    try {
      const response = await transport.send(request, credential, signal);
      log.debug({ ...fields(), status: response.httpStatus }, 'the API server answered');
      return response;
    } catch (err) {
      log.debug({ ...fields(), err }, 'the API server did not answer');
      throw err;
    }
  }

  close(): void {
    this.#options.transport.close();
  }
}
