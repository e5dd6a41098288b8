import type { Clock, Logger } from '@nodeagent/base';
import type { EventRecorder } from '@nodeagent/kube-client';

import type { HttpAddress, HttpHandler, HttpListener, HttpServer } from '../ports.js';

export interface ServeOptions {
  readonly http: HttpListener;
  /** No server when undefined. */
  readonly address: HttpAddress | undefined;
  readonly handler: HttpHandler;
  /** Ends with an error instead of retrying. */
  readonly hardFail: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly nodeName: string;
  /** Reason of the event when the server cannot listen. */
  readonly failureReason: string;
}

const RETRY_MS = 5000;

/** Serves until the signal fires; while the address is in use, retries every 5 s. */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const { address } = options;
  if (address === undefined) return;
  const server = await listenAgain(options, address, signal);
  if (server === undefined) return;
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.close();
}

async function listenAgain(
  options: ServeOptions,
  address: HttpAddress,
  signal: AbortSignal,
): Promise<HttpServer | undefined> {
  const { http, handler, hardFail, clock, log, events, nodeName } = options;
  while (!signal.aborted) {
    try {
      return await http.listen(address, handler);
    } catch (error) {
      events.record({
        type: 'Warning',
        reason: options.failureReason,
        action: 'StartKubeProxy',
        message: (error as Error).message,
        about: { kind: 'Node', name: nodeName },
      });
      if (hardFail) throw error;
      log.error({ err: error, retryInMs: RETRY_MS }, 'cannot listen');
      await clock.sleep(RETRY_MS, signal);
    }
  }
  return undefined;
}
