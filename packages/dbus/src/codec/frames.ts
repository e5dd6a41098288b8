import { Buffer } from 'node:buffer';

import { HEAD_BYTES, messageLength } from './message.js';

/** Cuts a stream of bytes into messages; holds at most one message and one chunk. */
export class FrameSplitter {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes that the next step needs: a head, or a whole message. */
  #wanted = HEAD_BYTES;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the messages that the chunk completes
   * @throws {DbusError} `DBUS_MALFORMED`, `DBUS_TOO_LARGE`: nothing after it can be understood
   */
  push(chunk: Uint8Array): readonly Buffer[] {
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#length += chunk.length;
    const found: Buffer[] = [];
    while (this.#length >= this.#wanted) {
      const all = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
      const bytes = all ?? Buffer.concat(this.#chunks);
      const length = messageLength(bytes, this.#maxBytes);
      if (bytes.length >= length) found.push(bytes.subarray(0, length));
      const rest = bytes.length >= length ? bytes.subarray(length) : bytes;
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#length = rest.length;
      this.#wanted = bytes.length >= length ? HEAD_BYTES : length;
    }
    return found;
  }
}
