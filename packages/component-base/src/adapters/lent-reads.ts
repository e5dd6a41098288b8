import { Buffer } from 'node:buffer';
import type { OnReadOpts, Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** A read takes as much as there is: a few records of TLS more in one go than Node reads by itself. */
const READ_BYTES = 128 * 1024;
/** One being read into while the other is written. */
const READS = 2;

/**
 * Passes on what a socket receives without new memory for each read: two pieces in turn, and no
 * more is read while both are still being written. Of a long transfer the collection of its
 * buffers is else the larger part.
 *
 * Give {@link LentReads.onread} to `connect` of `node:net` or `node:tls`; until
 * {@link LentReads.passTo} is called the socket reads like any other.
 */
export class LentReads {
  readonly onread: OnReadOpts;
  #socket: Socket | undefined;
  #target: Writable | undefined;
  #at = 0;
  #isUsed = false;
  /** Pieces on their way out, oldest first in the order of memory. */
  #waiting = 0;

  constructor() {
    const memory = Array.from({ length: READS }, () => Buffer.allocUnsafeSlow(READ_BYTES));
    this.onread = {
      buffer: () => {
        this.#at = (this.#at + 1) % READS;
        return memory[this.#at] ?? Buffer.allocUnsafeSlow(READ_BYTES);
      },
      callback: (bytes, read) => this.#take(Buffer.from(read.buffer, read.byteOffset, bytes)),
    };
  }

  /** The socket that was given {@link LentReads.onread}. */
  of(socket: Socket): Socket {
    this.#socket = socket;
    return socket;
  }

  /** From now on; its end too. @returns false for a socket that reads by itself */
  passTo(target: Writable): boolean {
    if (!this.#isUsed) return false;
    this.#target = target;
    this.#socket?.once('end', () => target.end());
    this.#socket?.resume();
    return true;
  }

  /** @returns whether to go on reading */
  #take(piece: Buffer): boolean {
    this.#isUsed = true;
    if (this.#target === undefined) return this.#socket?.push(Buffer.from(piece)) ?? false;
    this.#waiting += 1;
    this.#target.write(piece, () => {
      this.#waiting -= 1;
      // memory comes back in the order it went: the next read's is free again
      if (this.#waiting === READS - 1) this.#socket?.resume();
    });
    return this.#waiting < READS;
  }
}
