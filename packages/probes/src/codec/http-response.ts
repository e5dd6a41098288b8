import { Buffer } from 'node:buffer';

/** Longest head that is read; Go stops at 10 MiB, no honest health endpoint comes near this. */
const HEAD_LIMIT_BYTES = 256 * 1024;

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
 * Reads one HTTP/1.x response as its bytes come in, and keeps no more of the body than asked for.
 * Skips interim responses (100, 103). Knows nothing of other headers than Location and the body's
 * framing, which is what makes it cheap.
 *
 * @see RFC 9112
 */
export class HttpResponseReader {
  readonly #bodyLimit: number;
  #pending: Buffer = Buffer.alloc(0);
  #head: ResponseHead | undefined;
  #framing: Framing = { kind: 'until-end' };
  #body: Buffer[] = [];
  #bodyBytes = 0;
  /** Bytes left of the present chunk; -2 stands for the line break after it. */
  #chunkLeft = 0;
  #done = false;
  #problem: string | undefined;

  /** @param bodyLimit bytes; the response counts as complete when this much has come */
  constructor(bodyLimit: number) {
    this.#bodyLimit = bodyLimit;
  }

  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /** Complete, as far as it is read. */
  get done(): boolean {
    return this.#done;
  }

  /** What is wrong with the bytes; nothing more is read then. */
  get problem(): string | undefined {
    return this.#problem;
  }

  body(): string {
    return Buffer.concat(this.#body, this.#bodyBytes).toString('utf8');
  }

  /** The bytes may be overwritten after the call. */
  push(bytes: Buffer): void {
    if (this.#done || this.#problem !== undefined) return;
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#head === undefined && this.#readHead());
    if (this.#head !== undefined) this.#readBody();
    // What is left over belongs to the caller's buffer.
    this.#pending = this.#pending.length === 0 ? this.#pending : Buffer.from(this.#pending);
  }

  /** The other side has sent everything. */
  end(): void {
    if (this.#done || this.#problem !== undefined) return;
    if (this.#head === undefined) this.#problem = 'EOF';
    else if (this.#framing.kind === 'until-end') this.#done = true;
    else this.#problem = 'unexpected EOF';
  }

  /** @returns whether another head may follow at once */
  #readHead(): boolean {
    const end = headEnd(this.#pending);
    if (end === undefined) {
      if (this.#pending.length > HEAD_LIMIT_BYTES) this.#problem = 'response head is too long';
      else if (!couldBeHttp(this.#pending)) this.#malformed();
      return false;
    }
    const [statusLine = '', ...fields] = this.#pending.toString('latin1', 0, end).split(/\r?\n/);
    const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) {
      this.#malformed();
      return false;
    }
    this.#pending = this.#pending.subarray(end);
    if (status >= 100 && status < 200 && status !== 101) return true;
    this.#head = { status, location: fieldValue(fields, 'location') };
    this.#frame(status, fields);
    return false;
  }

  #frame(status: number, fields: readonly string[]): void {
    const length = fieldValue(fields, 'content-length');
    if (status === 204 || status === 304) this.#framing = { kind: 'length', bytes: 0 };
    else if (/(^|,)\s*chunked\s*$/i.test(fieldValue(fields, 'transfer-encoding') ?? '')) {
      this.#framing = { kind: 'chunked' };
    } else if (length !== undefined) {
      if (/^\d+$/.test(length)) this.#framing = { kind: 'length', bytes: Number(length) };
      else this.#problem = `bad Content-Length ${JSON.stringify(length)}`;
    }
  }

  #readBody(): void {
    if (this.#problem !== undefined) return;
    if (this.#framing.kind === 'chunked') this.#readChunks();
    else this.#pending = this.#keep(this.#pending, this.#pending.length);
    const { kind } = this.#framing;
    const whole = kind === 'length' && this.#bodyBytes >= this.#framing.bytes;
    if (whole || this.#bodyBytes >= this.#bodyLimit) this.#done = true;
  }

  #readChunks(): void {
    while (this.#pending.length > 0 && this.#bodyBytes < this.#bodyLimit && !this.#done) {
      if (this.#chunkLeft > 0) {
        const before = this.#pending.length;
        this.#pending = this.#keep(this.#pending, this.#chunkLeft);
        this.#chunkLeft -= before - this.#pending.length;
        if (this.#chunkLeft === 0) this.#chunkLeft = -2;
        continue;
      }
      const end = this.#pending.indexOf(10);
      if (end < 0) return;
      const line = this.#pending.toString('latin1', 0, end).trim();
      this.#pending = this.#pending.subarray(end + 1);
      if (this.#chunkLeft === -2 && line === '') {
        this.#chunkLeft = 0;
        continue;
      }
      const size = /^([0-9a-f]{1,8})\s*(;|$)/i.exec(line)?.[1];
      if (size === undefined || this.#chunkLeft === -2) {
        this.#problem = 'malformed chunked encoding';
        return;
      }
      this.#chunkLeft = Number.parseInt(size, 16);
      this.#done = this.#chunkLeft === 0;
    }
  }

  /** Takes up to `most` bytes into the body. @returns the rest */
  #keep(bytes: Buffer, most: number): Buffer {
    const room = Math.min(most, bytes.length, this.#bodyLimit - this.#bodyBytes);
    if (room > 0) this.#body.push(Buffer.from(bytes.subarray(0, room)));
    this.#bodyBytes += room;
    return bytes.subarray(Math.min(most, bytes.length));
  }

  #malformed(): void {
    const [line = ''] = this.#pending.toString('latin1', 0, 64).split(/\r?\n/, 1);
    this.#problem = `malformed HTTP response ${JSON.stringify(line)}`;
  }
}

function couldBeHttp(bytes: Buffer): boolean {
  const start = bytes.toString('latin1', 0, 7);
  return 'HTTP/1.'.startsWith(start);
}

/** Offset behind the blank line. */
function headEnd(bytes: Buffer): number | undefined {
  const crlf = bytes.indexOf('\r\n\r\n');
  const bare = bytes.indexOf('\n\n');
  if (crlf >= 0 && (bare < 0 || crlf < bare)) return crlf + 4;
  return bare >= 0 ? bare + 2 : undefined;
}

function fieldValue(fields: readonly string[], name: string): string | undefined {
  const found = fields.find(
    (field) => field[name.length] === ':' && field.slice(0, name.length).toLowerCase() === name,
  );
  return found?.slice(name.length + 1).trim();
}
