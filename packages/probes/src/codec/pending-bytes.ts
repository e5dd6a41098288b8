import { Buffer } from 'node:buffer';

const LINE_FEED = 10;

/**
 * Bytes that have arrived and are not parsed yet. Each byte is copied a bounded number of times and
 * inspected once, in however many pieces it arrives. A returned slice is valid until the next
 * `push`.
 */
export class PendingBytes {
  /** Our own copy, or the caller's bytes until {@link settle}. */
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #isOwn = true;
  /** The position where the search for the next line end continues. */
  #scanned = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(bytes: Buffer): void {
    if (this.length === 0) {
      this.#bytes = bytes;
      this.#isOwn = false;
      this.#start = this.#scanned = 0;
      this.#end = bytes.length;
      return;
    }
    this.#reserve(bytes.length);
    bytes.copy(this.#bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Copies the remaining bytes; pushed memory may be overwritten afterwards. */
  settle(): void {
    if (!this.#isOwn) this.#reserve(0);
  }

  /** @returns a line without its end, or undefined when no line is complete yet */
  line(): string | undefined {
    const at = this.#bytes.subarray(0, this.#end).indexOf(LINE_FEED, this.#scanned);
    if (at < 0) {
      this.#scanned = this.#end;
      return undefined;
    }
    const isCrlf = at > this.#start && this.#bytes[at - 1] === 13;
    const text = this.#bytes.toString('latin1', this.#start, isCrlf ? at - 1 : at);
    this.#start = this.#scanned = at + 1;
    return text;
  }

  /** Returns at most `most` bytes from the start without consuming them. */
  peek(most: number): Buffer {
    return this.#bytes.subarray(this.#start, Math.min(this.#end, this.#start + most));
  }

  /** Consumes at most `most` bytes from the start. */
  take(most: number): Buffer {
    const taken = this.peek(most);
    this.#start += taken.length;
    this.#scanned = Math.max(this.#scanned, this.#start);
    return taken;
  }

  #reserve(more: number): void {
    const { length } = this;
    const isRoom = this.#isOwn && this.#bytes.length - this.#end >= more;
    if (isRoom) return;
    const grown = Buffer.allocUnsafe(more === 0 ? length : Math.max(256, 2 * (length + more)));
    this.#bytes.copy(grown, 0, this.#start, this.#end);
    this.#scanned -= this.#start;
    this.#bytes = grown;
    this.#start = 0;
    this.#end = length;
    this.#isOwn = true;
  }
}
