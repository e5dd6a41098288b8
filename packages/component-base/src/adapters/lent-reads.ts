import { Buffer } from 'node:buffer';
import type { OnReadOpts, Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** One read takes as much as there is: a few TLS records more than Node's own reads take. */
const READ_BYTES = 128 * 1024;
/** One buffer is filled while the other is written. */
const READS = 2;

/**
 * Passes on received bytes without new memory for each read. Two buffers take turns, and reading
 * pauses while both are still being written. Otherwise garbage collection of buffers takes most of
 * the time of a long transfer.
 *
 * Pass {@link LentReads.onread} to `connect` of `node:net` or `node:tls`. Until {@link
 * LentReads.passTo} is called, the socket reads like any other.
 */
export class LentReads {
  readonly onread: OnReadOpts;
  #socket: Socket | undefined;
  #target: Writable | undefined;
  #at = 0;
  #isUsed = false;
  /** Number of buffers being written; they complete in order. */
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

  /** Sets the socket that was given {@link LentReads.onread}. */
  of(socket: Socket): Socket {
    this.#socket = socket;
    return socket;
  }

  /**
   * Writes everything received from now on to `target`, and ends it at the socket's end.
   *
   * @returns false for a socket that reads by itself
   */
  passTo(target: Writable): boolean {
    if (!this.#isUsed) return false;
    this.#target = target;
    this.#socket?.once('end', () => target.end());
    this.#socket?.resume();
    return true;
  }

  /** @returns true to continue reading */
  #take(piece: Buffer): boolean {
    this.#isUsed = true;
    if (this.#target === undefined) return this.#socket?.push(Buffer.from(piece)) ?? false;
    this.#waiting += 1;
    this.#target.write(piece, () => {
      this.#waiting -= 1;
      // buffers are released in order, so the next read's buffer is free again
      if (this.#waiting === READS - 1) this.#socket?.resume();
    });
    return this.#waiting < READS;
  }
}
