import { Buffer } from 'node:buffer';

import { GrowingBytes } from './growing-bytes.js';

const NEWLINE = 0x0a;

/** Splits blocks of bytes into lines, each with its newline; a block may end within a line. */
export class LineSplitter {
  /** The start of a line whose end has not arrived. */
  readonly #rest = new GrowingBytes();

  /** Counts the bytes of the unfinished line. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  *split(block: Uint8Array): Generator<Buffer> {
    const bytes = asBuffer(block);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end === -1) break;
      yield this.#complete(bytes.subarray(start, end + 1));
      start = end + 1;
    }
    if (start < bytes.length) this.#rest.append(bytes.subarray(start));
  }

  /** Returns the unfinished line, if any; later input begins a new one. */
  flush(): Buffer | undefined {
    return this.#rest.length === 0 ? undefined : this.#rest.take();
  }

  #complete(last: Buffer): Buffer {
    return this.#rest.length === 0 ? last : Buffer.concat([this.#rest.take(), last]);
  }
}

/** Counts the newlines in a block. */
export function countLines(block: Uint8Array): number {
  const bytes = asBuffer(block);
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** Drops the first lines of a sequence of blocks. */
export class LineSkipper {
  #left: number;

  constructor(lines: number) {
    this.#left = lines;
  }

  take(block: Uint8Array): Uint8Array {
    if (this.#left === 0) return block;
    const bytes = asBuffer(block);
    let start = 0;
    while (this.#left > 0) {
      const at = bytes.indexOf(NEWLINE, start);
      if (at === -1) return bytes.subarray(bytes.length);
      start = at + 1;
      this.#left -= 1;
    }
    return bytes.subarray(start);
  }
}

/** Returns the same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
