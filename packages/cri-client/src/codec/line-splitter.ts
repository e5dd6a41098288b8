import { Buffer } from 'node:buffer';

import { GrowingBytes } from './growing-bytes.js';

const NEWLINE = 0x0a;

/** Cuts blocks of bytes into lines, each with its newline; a block may end within a line. */
export class LineSplitter {
  /** Of a line whose end has not been seen. */
  readonly #rest = new GrowingBytes();

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

  /** The unfinished line, if any; what follows begins a new one. */
  flush(): Buffer | undefined {
    return this.#rest.length === 0 ? undefined : this.#rest.take();
  }

  #complete(last: Buffer): Buffer {
    return this.#rest.length === 0 ? last : Buffer.concat([this.#rest.take(), last]);
  }
}

/** Newlines in a block. */
export function countLines(block: Uint8Array): number {
  const bytes = asBuffer(block);
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** Leaves out the first so many lines of what it is given block by block. */
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

/** The same memory under another type. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
