import { Buffer } from 'node:buffer';

/**
 * Memory for the blocks of a long file, with room before each for what is left of the one before:
 * new for every block, or two pieces in turn, one being read into while the other is used.
 */
export class BlockMemory {
  /** Before each block. Runtimes cut lines at 16 KiB. */
  static readonly ROOM_BYTES = 32 * 1024;

  readonly #isLent: boolean;
  #next: Buffer = EMPTY;
  #other: Buffer = EMPTY;

  constructor(isLent: boolean) {
    this.#isLent = isLent;
  }

  /** @returns memory that was lent the time before last, where that is allowed */
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

/** Memory of its own, with whatever is in it. */
export function newBlock(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}

const EMPTY = Buffer.alloc(0);
