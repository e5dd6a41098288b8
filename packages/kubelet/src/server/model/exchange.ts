import type { Credentials } from './identity.js';

/** One request to the node API, without its transport. */
export interface NodeRequest {
  readonly method: string;
  /** As sent, percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly credentials: Credentials;
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

/** Written as it comes, each piece at once; a client that goes away ends the reading. */
export interface StreamAnswer {
  readonly kind: 'stream';
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** The connection is joined to the runtime's streaming server, byte for byte. */
export interface ProxyAnswer {
  readonly kind: 'proxy';
  /** From the runtime, good for one session. */
  readonly url: string;
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
