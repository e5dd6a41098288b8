import { Buffer } from 'node:buffer';

/**
 * Memory for the blocks of a long file, with room before each block for the unfinished rest of the
 * previous one. Every block gets new memory, or, if lent, two buffers take turns: one is read into
 * while the other is used.
 */
export class BlockMemory {
  /** Room before each block. Runtimes cut lines at 16 KiB. */
  static readonly ROOM_BYTES = 32 * 1024;

  readonly #isLent: boolean;
  #next: Buffer = EMPTY;
  #other: Buffer = EMPTY;

  constructor(isLent: boolean) {
    this.#isLent = isLent;
  }

  /** @returns new memory; if lending is allowed, the memory of the call before the last */
  take(bytes: number): Buffer {
    const needed = BlockMemory.ROOM_BYTES + bytes;
    let memory: Buffer = this.#next;
    if (!this.#isLent || memory.length < needed) memory = newBlock(needed);
    if (this.#isLent) {
      this.#next = this.#other;
      this.#other = memory;
    }
    return memory.subarray(BlockMemory.ROOM_BYTES, needed);
  }
}

/** Returns new, uninitialised memory. */
export function newBlock(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}

const EMPTY = Buffer.alloc(0);
