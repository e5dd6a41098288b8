import type { ConnectionFailure, OpenChannels, SessionFailure } from '@nodeagent/pod-streams';
import {
  openPortForward as forwardOver,
  openSession as openOver,
  type PortForward,
  type Session,
  type SessionStreams,
} from '@nodeagent/pod-streams/streams';
import { webSocket } from '@nodeagent/pod-streams/websocket';

import { CriError } from '../model/errors.js';

export type { PortForward, Session, SessionStreams };

/**
 * Opens the session behind a URL from `exec` or `attach`, over WebSocket. Its `exitCode` rejects
 * with `CRI_STREAM` when the runtime does not send one.
 *
 * @throws {CriError} `CRI_STREAM` when the session is refused or no connection is made
 */
export function openSession(
  url: string,
  streams: SessionStreams,
  signal: AbortSignal,
): Promise<Session> {
  const toError = ({ detail }: SessionFailure): CriError =>
    new CriError('CRI_STREAM', detail, { method: `session ${url}` });
  return openOver(channelsOf(url, signal), { streams, toError });
}

/**
 * Opens the session behind a URL from `portForward`, over WebSocket. A connection to a port where
 * nothing listens is destroyed with `CRI_STREAM`.
 *
 * @param ports the same ports, in the same order, as in the call that returned the URL
 * @throws {CriError} `CRI_STREAM` when the session is refused or no connection is made
 */
export function openPortForward(
  url: string,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<PortForward> {
  const toError = (failure: SessionFailure): CriError => {
    const method =
      failure.kind === 'port' ? `port-forward to ${failure.port}` : `port-forward ${url}`;
    return new CriError('CRI_STREAM', failure.detail, { method });
  };
  return forwardOver(channelsOf(url, signal), { ports, toError });
}

/** The runtime's certificate is its own, so it is not verified. */
function channelsOf(url: string, signal: AbortSignal): OpenChannels {
  return webSocket({
    url,
    rejectUnauthorized: false,
    signal,
    toError: (failure) => connectionError(url, failure),
  });
}

/** Number of characters of an HTTP answer shown when a session is refused. */
const SHOWN_REFUSAL = 1024;

function connectionError(url: string, failure: ConnectionFailure): CriError {
  if (failure.kind === 'refused') {
    const { httpStatus, text } = failure;
    const detail = `HTTP ${httpStatus} ${text.slice(0, SHOWN_REFUSAL).trim()}`.trim();
    return new CriError('CRI_STREAM', detail, { method: `open ${url}` });
  }
  const { opened, cause } = failure;
  const method = `${opened ? 'session' : 'open'} ${url}`;
  return new CriError('CRI_STREAM', cause.message, { method, cause });
}
