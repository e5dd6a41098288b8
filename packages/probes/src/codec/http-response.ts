import { Buffer } from 'node:buffer';

import { PendingBytes } from './pending-bytes.js';

/**
 * Limit on the head, including interim ones. Go stops at 10 MiB; no honest health endpoint comes
 * near this limit.
 */
const HEAD_LIMIT_BYTES = 256 * 1024;
/**
 * Limit on a line with a chunk's size and extensions: Go net/http/internal/chunked.go,
 * maxLineLength.
 */
const CHUNK_LINE_LIMIT_BYTES = 4096;
/**
 * Allowed excess of such lines over fair chunks, which have 16 bytes and the chunk's own length
 * again: Go net/http/internal/chunked.go, chunkedReader.excess.
 */
const CHUNK_EXCESS_LIMIT_BYTES = 16 * 1024;

export interface ResponseHead {
  readonly status: number;
  readonly location: string | undefined;
}

type Framing =
  | Readonly<{ kind: 'length'; bytes: number }>
  | Readonly<{ kind: 'chunked' }>
  | Readonly<{ kind: 'until-end' }>;

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: |$)/;

/**
 * Parses one HTTP/1.x response as its bytes arrive and keeps only the requested part of the body.
 * Skips interim responses (100, 103). It ignores all headers except Location and the body's
 * framing, which makes it cheap. It holds at most 256 KiB and the body, and its work is
 * proportional to the number of bytes, in however many pieces they arrive.
 *
 * @see RFC 9112
 */
export class HttpResponseReader {
  readonly #bodyLimit: number;
  readonly #pending = new PendingBytes();
  #head: ResponseHead | undefined;
  /** The part of the head read so far, in latin1. */
  #statusLine: string | undefined;
  #fields: Fields = {};
  #headBytes = 0;
  #framing: Framing = { kind: 'until-end' };
  #body: Buffer[] = [];
  #bodyBytes = 0;
  /** Bytes left in the present chunk; -2 means the line break after it. */
  #chunkLeft = 0;
  #chunkExcess = 0;
  #done = false;
  #problem: string | undefined;

  /** @param bodyLimit in bytes; the response counts as complete when this much has arrived */
  constructor(bodyLimit: number) {
    this.#bodyLimit = bodyLimit;
  }

  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /** True when the needed part is complete. */
  get done(): boolean {
    return this.#done;
  }

  /** The problem with the bytes; nothing more is parsed after it. */
  get problem(): string | undefined {
    return this.#problem;
  }

  body(): string {
    return Buffer.concat(this.#body, this.#bodyBytes).toString('utf8');
  }

  /** The bytes may be overwritten after the call. */
  push(bytes: Buffer): void {
    if (this.#done || this.#problem !== undefined) return;
    this.#pending.push(bytes);
    if (this.#head === undefined) this.#readHead();
    if (this.#head !== undefined) this.#readBody();
    this.#pending.settle();
  }

  /** Call it when the peer has sent everything. */
  end(): void {
    if (this.#done || this.#problem !== undefined) return;
    if (this.#head === undefined) this.#problem = 'EOF';
    else if (this.#framing.kind === 'until-end') this.#done = true;
    else this.#problem = 'unexpected EOF';
  }

  #readHead(): void {
    while (this.#head === undefined && this.#problem === undefined) {
      const before = this.#pending.length;
      if (this.#statusLine === undefined && !couldBeHttp(this.#pending.peek(7))) {
        this.#malformed(this.#pending.peek(64).toString('latin1'));
        return;
      }
      const line = this.#pending.line();
      this.#headBytes += before - this.#pending.length;
      const bytes = this.#headBytes + (line === undefined ? this.#pending.length : 0);
      if (bytes > HEAD_LIMIT_BYTES) this.#problem = 'response head is too long';
      else if (line === undefined) return;
      else this.#readHeadLine(line);
    }
  }

  #readHeadLine(line: string): void {
    if (this.#statusLine === undefined) {
      this.#statusLine = line;
      if (!STATUS_LINE.test(line)) this.#malformed(line);
      return;
    }
    if (line !== '') {
      noteField(this.#fields, line);
      return;
    }
    const status = Number(STATUS_LINE.exec(this.#statusLine)?.[1]);
    const fields = this.#fields;
    this.#statusLine = undefined;
    this.#fields = {};
    if (status >= 100 && status < 200 && status !== 101) return;
    this.#head = { status, location: fields.location };
    this.#frame(status, fields);
  }

  #frame(status: number, fields: Fields): void {
    const { 'content-length': length, 'transfer-encoding': coding } = fields;
    if (status === 204 || status === 304) this.#framing = { kind: 'length', bytes: 0 };
    else if (coding !== undefined && isChunked(coding)) this.#framing = { kind: 'chunked' };
    else if (length !== undefined) {
      if (/^\d+$/.test(length)) this.#framing = { kind: 'length', bytes: Number(length) };
      else this.#problem = `bad Content-Length ${JSON.stringify(length)}`;
    }
  }

  #readBody(): void {
    if (this.#problem !== undefined) return;
    if (this.#framing.kind === 'chunked') this.#readChunks();
    else this.#keep(Math.min(this.#pending.length, this.#announced() - this.#bodyBytes));
    const whole = this.#bodyBytes >= this.#announced();
    if (whole || this.#bodyBytes >= this.#bodyLimit) this.#done = true;
  }

  /** The body's length from the head; infinite when the head does not say. */
  #announced(): number {
    return this.#framing.kind === 'length' ? this.#framing.bytes : Infinity;
  }

  #readChunks(): void {
    while (this.#pending.length > 0 && this.#bodyBytes < this.#bodyLimit && !this.#done) {
      if (this.#chunkLeft > 0) {
        this.#chunkLeft -= this.#keep(this.#chunkLeft);
        if (this.#chunkLeft === 0) this.#chunkLeft = -2;
        continue;
      }
      const before = this.#pending.length;
      const line = this.#pending.line();
      const bytes = line === undefined ? before : before - this.#pending.length;
      if (bytes > CHUNK_LINE_LIMIT_BYTES) {
        this.#problem = 'header line too long';
        return;
      }
      if (line === undefined) return;
      if (!this.#readChunkLine(line.trim(), bytes)) return;
    }
  }

  /** @returns true when there is more to parse */
  #readChunkLine(line: string, bytes: number): boolean {
    if (this.#chunkLeft === -2 && line === '') {
      this.#chunkLeft = 0;
      return true;
    }
    const size = /^([0-9a-f]{1,8})[ \t]*(;|$)/i.exec(line)?.[1];
    if (size === undefined || this.#chunkLeft === -2) {
      this.#problem = 'malformed chunked encoding';
      return false;
    }
    this.#chunkLeft = Number.parseInt(size, 16);
    this.#done = this.#chunkLeft === 0;
    this.#chunkExcess = Math.max(0, this.#chunkExcess + bytes - 16 - 2 * this.#chunkLeft);
    if (this.#chunkExcess <= CHUNK_EXCESS_LIMIT_BYTES) return !this.#done;
    this.#problem = 'chunked encoding contains too much non-data';
    return false;
  }

  /**
   * Copies up to `most` bytes into the body, as far as there is room. @returns the number of bytes
   * consumed
   */
  #keep(most: number): number {
    const bytes = this.#pending.take(most);
    const room = Math.min(bytes.length, this.#bodyLimit - this.#bodyBytes);
    if (room > 0) this.#body.push(Buffer.from(bytes.subarray(0, room)));
    this.#bodyBytes += room;
    return bytes.length;
  }

  #malformed(text: string): void {
    const [line = ''] = text.slice(0, 64).split(/\r?\n/, 1);
    this.#problem = `malformed HTTP response ${JSON.stringify(line)}`;
  }
}

/** The fields that matter; if a name repeats, the first field counts. */
type Fields = { [name in (typeof FIELDS)[number]]?: string };

const FIELDS = ['location', 'content-length', 'transfer-encoding'] as const;

function noteField(fields: Fields, line: string): void {
  const name = FIELDS.find((one) => {
    return line[one.length] === ':' && line.slice(0, one.length).toLowerCase() === one;
  });
  if (name !== undefined) fields[name] ??= line.slice(name.length + 1).trim();
}

/** Reports whether this is the last coding. */
function isChunked(codings: string): boolean {
  const last = codings.slice(codings.lastIndexOf(',') + 1);
  return last.trim().toLowerCase() === 'chunked';
}

function couldBeHttp(bytes: Buffer): boolean {
  return 'HTTP/1.'.startsWith(bytes.toString('latin1'));
}
