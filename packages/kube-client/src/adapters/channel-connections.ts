import type { Duplex } from 'node:stream';

import type { ChannelSocket } from '@nodeagent/pod-streams';
import type { Pings } from '@nodeagent/pod-streams/websocket';

import { errorFromAnswer } from '../codec/status-error.js';
import { KubeError } from '../model/errors.js';
import type { ChannelRequest } from '../ports.js';
import type { Dialer } from './dialer.js';

export type { Pings };

/**
 * Equal to client-go's values.
 *
 * @see Kubernetes 1.36 client-go/tools/remotecommand/websocket.go, pingPeriod and pingReadDeadline
 */
const PINGS: Pings = { everyMs: 5000, patienceMs: 61_000 };

/** The kernel probes a silent peer after this time; @see http1-exchanges.ts */
const KEEP_ALIVE_MS = 15_000;

export interface ChannelConnectionOptions {
  readonly dialer: Dialer;
  /** The request's URL, with the server's prefix. */
  readonly url: string;
  /** For messages: `GET /api/v1/namespaces/a/pods/web/exec`. */
  readonly asked: string;
  readonly pings: Pings | undefined;
  /** Ends the connection when it fires. */
  readonly signal: AbortSignal;
  /** Makes the error for a connection that was not made, or broke. */
  readonly failure: (cause: Error) => Error;
}

/**
 * Opens a WebSocket over a connection of its own. The library for it is loaded by the first session.
 *
 * @throws {KubeError} the server's refusal, or what `failure` returns
 */
export async function openChannels(
  { headers, protocols, idleTimeoutMs, handlers }: ChannelRequest,
  { dialer, url, asked, pings = PINGS, signal, failure }: ChannelConnectionOptions,
): Promise<ChannelSocket> {
  const { webSocket } = await import('@nodeagent/pod-streams/websocket');
  const connect = async (): Promise<Duplex> => {
    const socket = await dialer.dial(['http/1.1'], idleTimeoutMs);
    return socket.setKeepAlive(true, KEEP_ALIVE_MS);
  };
  const open = webSocket({
    url,
    headers,
    connect,
    answerTimeoutMs: idleTimeoutMs,
    pings,
    signal,
    toError: (failed) => {
      if (failed.kind === 'broken') return failure(failed.cause);
      const { httpStatus } = failed;
      if (httpStatus >= 400) return errorFromAnswer({ asked, ...failed });
      const message = `${asked}: the server answered ${httpStatus} and did not open a session`;
      return new KubeError('KUBE_PROTOCOL', message, { httpStatus });
    },
  });
  return open(protocols, handlers);
}
