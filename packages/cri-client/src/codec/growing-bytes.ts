import { Buffer } from 'node:buffer';

/** Initial capacity. A smaller one would not help: data in small pieces comes in many pieces. */
const LEAST_BYTES = 256;

/**
 * Collects bytes in memory of its own until their end arrives. Capacity doubles, so each byte is
 * copied a bounded number of times, no matter how many pieces there are.
 */
export class GrowingBytes {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(LEAST_BYTES, 2 * length));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** Returns all collected bytes and empties the collection. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }
}
