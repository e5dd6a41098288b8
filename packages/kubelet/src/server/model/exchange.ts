import type { Credentials } from './identity.js';

/** One request to the node API, independent of its transport. */
export interface NodeRequest {
  readonly method: string;
  /** Percent-encoded as sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly credentials: Credentials;
  /** The client's address; undefined if unknown. */
  readonly from?: string | undefined;
  /** The `Accept` header. */
  readonly accept?: string | undefined;
  /**
   * Called once the client is authenticated and authorized: the request may take long from here on.
   */
  readonly onKnown?: () => void;
  /**
   * Reads the body as UTF-8, once the client is authenticated and authorized; undefined if it is
   * longer. Absent: there is none.
   */
  readonly readBody?: (mostBytes: number) => Promise<string | undefined>;
  /** The client asks to upgrade the connection to another protocol. */
  readonly upgrade: boolean;
}

/** The answer to a request. */
export type Answer = BodyAnswer | StreamAnswer | ProxyAnswer;

export interface BodyAnswer {
  readonly kind: 'body';
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Each piece is written at once; reading ends when the client disconnects. The writer is done with
 * a piece when it asks for the next one.
 */
export interface StreamAnswer {
  readonly kind: 'stream';
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** The streams of an exec or attach session. */
export interface SessionStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/**
 * Joins the client's connection to the runtime's streaming server: byte for byte, or by terminating
 * the client's WebSocket if the runtime does not speak its protocol.
 */
export interface ProxyAnswer {
  readonly kind: 'proxy';
  /** From the runtime; valid for one session. */
  readonly url: string;
  /** The session that a WebSocket terminated here would carry; undefined: terminate none. */
  readonly session?: SocketSession;
}

export interface SocketSession {
  readonly subresource: 'exec' | 'attach' | 'portforward';
  /** Undefined for a port-forward. */
  readonly streams?: SessionStreams;
  /** Called when the kubelet terminates a WebSocket. */
  readonly onSocket: () => void;
}

const TEXT = 'text/plain; charset=utf-8';

export function plain(status: number, text: string): BodyAnswer {
  return { kind: 'body', status, contentType: TEXT, body: text };
}

/** An error in the form of Go's `http.Error`: one line of text. */
export function failure(status: number, text: string): BodyAnswer {
  const headers = { 'x-content-type-options': 'nosniff' };
  return { ...plain(status, text.endsWith('\n') ? text : `${text}\n`), headers };
}

export function json(value: unknown, status = 200): BodyAnswer {
  return { kind: 'body', status, contentType: 'application/json', body: JSON.stringify(value) };
}

/** Thrown by handlers to send this answer instead. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: BodyAnswer;

  constructor(answer: BodyAnswer | number, text = '') {
    super(text);
    this.answer = typeof answer === 'number' ? failure(answer, text) : answer;
  }
}
