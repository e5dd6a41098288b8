import { ByteWriter } from '../codec/byte-writer.js';
import { FLAG, MESSAGE, splitMessages, writeMessage } from '../codec/message.js';
import { NetlinkError } from '../model/errors.js';
import type { NetlinkSocket } from '../ports.js';

/** The source of chance, and the answers that wrong ones are made from. */
export interface HostileOptions {
  /**
   * Returns a whole number from 0 to below its argument; the same seed produces the same wrong
   * answers.
   */
  readonly random: (below: number) => number;
  /**
   * Plausible answers to use; messages common to all families are always among the wrong answers.
   */
  readonly answers: readonly Readonly<{ type: number; payload: Uint8Array }>[];
  /**
   * Types of requests that are answered truthfully; otherwise later requests would never be made.
   */
  readonly truths?: ReadonlyMap<number, Uint8Array>;
}

const SHARED: HostileOptions['answers'] = [
  { type: MESSAGE.error, payload: Buffer.alloc(20) },
  { type: MESSAGE.error, payload: Buffer.from('fdffffff', 'hex') },
  { type: MESSAGE.error, payload: Buffer.alloc(2) },
  { type: MESSAGE.done, payload: Buffer.alloc(4) },
  { type: MESSAGE.done, payload: Buffer.alloc(0) },
  { type: MESSAGE.overrun, payload: Buffer.alloc(4) },
];

/**
 * A kernel that cannot be trusted: each request gets a few answers, some of them corrupted,
 * truncated, misnumbered or lost. Its client must always finish, with an answer or an error of its
 * own.
 */
export class HostileSocket implements NetlinkSocket {
  readonly portId = 1;
  readonly maxSendBytes = 100_000;
  readonly #options: HostileOptions;
  readonly #answers: HostileOptions['answers'];
  readonly #waiting: (Buffer | NetlinkError)[] = [];

  constructor(options: HostileOptions) {
    this.#options = options;
    this.#answers = [...options.answers, ...SHARED];
  }

  send(datagram: Uint8Array): void {
    const { random, truths } = this.#options;
    for (const { type, sequence } of splitMessages(Buffer.from(datagram))) {
      const truth = truths?.get(type);
      if (truth !== undefined) this.#answer(type, truth, sequence);
      else for (let n = random(4); n >= 0; n -= 1) this.#lie(sequence);
    }
  }

  receive(): Buffer | undefined {
    const next = this.#waiting.shift();
    if (next instanceof NetlinkError) throw next;
    return next;
  }

  join(): void {
    // receives nothing
  }

  leave(): void {
    // received nothing
  }

  close(): void {
    this.#waiting.length = 0;
  }

  #lie(sequence: number): void {
    const { random } = this.#options;
    if (random(50) === 0) this.#waiting.push(new NetlinkError('NETLINK_LOST', 'too many'));
    const answer = this.#answers[random(this.#answers.length)];
    if (answer === undefined) return;
    const number = random(20) === 0 ? random(2 ** 31) : sequence;
    const datagram = this.#answer(answer.type, answer.payload, number);
    if (random(2) === 0) return;
    for (let n = random(3); n >= 0; n -= 1) datagram[random(datagram.length)] = random(256);
    if (random(4) !== 0) return;
    this.#waiting.pop();
    this.#waiting.push(datagram.subarray(0, random(datagram.length)));
  }

  #answer(type: number, payload: Uint8Array, sequence: number): Buffer {
    const out = new ByteWriter();
    const flags = this.#options.random(2) === 0 ? FLAG.multi : 0;
    writeMessage(out, { type, flags, payload }, sequence);
    const datagram = out.copy();
    this.#waiting.push(datagram);
    return datagram;
  }
}
