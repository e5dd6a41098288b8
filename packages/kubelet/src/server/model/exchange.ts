import type { Credentials } from './identity.js';

/** One request to the node API, without its transport. */
export interface NodeRequest {
  readonly method: string;
  /** As sent, percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly credentials: Credentials;
  /** Address of the client; undefined where it is not known. */
  readonly from?: string | undefined;
  /** The header of that name. */
  readonly accept?: string | undefined;
  /** Called when the request is let in for somebody who is known: work may take long from here on. */
  readonly onKnown?: () => void;
  /** The connection is to become something other than HTTP. */
  readonly upgrade: boolean;
}

/** What to answer. */
export type Answer = BodyAnswer | StreamAnswer | ProxyAnswer;

export interface BodyAnswer {
  readonly kind: 'body';
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Written as it comes, each piece at once; a client that goes away ends the reading. A piece is not
 * used any more when the next is asked for.
 */
export interface StreamAnswer {
  readonly kind: 'stream';
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Which streams an exec or attach has. */
export interface SessionStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/**
 * The connection is joined to the runtime's streaming server: byte for byte, or by ending a WebSocket
 * here that the runtime does not speak.
 */
export interface ProxyAnswer {
  readonly kind: 'proxy';
  /** From the runtime, good for one session. */
  readonly url: string;
  /** What a WebSocket may carry that ends here; undefined: none does. */
  readonly session?: SocketSession;
}

export interface SocketSession {
  readonly subresource: 'exec' | 'attach' | 'portforward';
  /** None for a port-forward. */
  readonly streams?: SessionStreams;
  /** Told when a WebSocket ends here. */
  readonly onSocket: () => void;
}

const TEXT = 'text/plain; charset=utf-8';

export function plain(status: number, text: string): BodyAnswer {
  return { kind: 'body', status, contentType: TEXT, body: text };
}

/** An error as Go's `http.Error` tells it: one line of text. */
export function failure(status: number, text: string): BodyAnswer {
  const headers = { 'x-content-type-options': 'nosniff' };
  return { ...plain(status, text.endsWith('\n') ? text : `${text}\n`), headers };
}

export function json(value: unknown, status = 200): BodyAnswer {
  return { kind: 'body', status, contentType: 'application/json', body: JSON.stringify(value) };
}

/** Thrown by handlers: the answer that the client gets instead. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: BodyAnswer;

  constructor(answer: BodyAnswer | number, text = '') {
    super(text);
    this.answer = typeof answer === 'number' ? failure(answer, text) : answer;
  }
}
