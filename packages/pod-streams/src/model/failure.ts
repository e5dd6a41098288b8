import type { ChannelProtocol } from '../codec/channel-frame.js';

/** The reason why a connection was not made, or broke. */
export type ConnectionFailure =
  /** The server answered the request for a WebSocket with something else. */
  | Readonly<{
      kind: 'refused';
      httpStatus: number;
      /** Value of the Retry-After header. */
      retryAfter: string | undefined;
      /** The answer's body, at most a mebibyte of it. */
      text: string;
    }>
  /** No connection was made, or it broke; `opened` tells which. */
  | Readonly<{ kind: 'broken'; opened: boolean; cause: Error }>;

/** A failure of a session whose connection works. */
export type SessionFailure =
  /** The session ended without an exit code or a reason. */
  | Readonly<{ kind: 'no-status'; detail: string }>
  /** The server gave a reason: a text, and a Kubernetes Status object unless it was only a text. */
  | Readonly<{ kind: 'failed'; detail: string; status?: object }>
  /** Standard input was ended, for which the server's protocol has no message. */
  | Readonly<{ kind: 'endless-input'; detail: string; protocol: ChannelProtocol }>
  /** The connection to a port failed, e.g. because nothing listens. */
  | Readonly<{ kind: 'port'; detail: string; port: number }>;
