import type { Clock } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import { ByteWriter } from '../codec/byte-writer.js';
import {
  beginMessage,
  decodeAcknowledgement,
  endMessage,
  FLAG,
  MESSAGE,
  type NetlinkMessage,
  type OutgoingMessage,
  readErrno,
  refusal,
  splitMessages,
  writeMessage,
} from '../codec/message.js';
import { isNetlinkError, NetlinkError } from '../model/errors.js';
import type { NetlinkSocket } from '../ports.js';

/** A socket, and the time for which the kernel may be silent. */
export interface ConnectionOptions {
  readonly socket: NetlinkSocket;
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** Maximum silence of the kernel during an exchange; 10 seconds when absent. */
  readonly timeoutMs?: number;
}

/** One exchange: the messages to send, and the rule that tells when all answers have arrived. */
export interface Exchange {
  /**
   * Number of sequence numbers that the datagrams use, starting with the argument of {@link
   * datagrams}.
   */
  readonly sequences: number;
  datagrams(firstSequence: number): Iterable<Uint8Array>;
  /**
   * Receives one answer. The bytes are reused afterwards: copy what is needed.
   *
   * @param index which of the sequence numbers it answers, from 0
   * @returns true for the last answer
   */
  receive(message: NetlinkMessage, index: number): 'more' | 'end';
}

/** A series of messages, each written straight into the datagram when it is sent. */
export interface MessageSource {
  readonly length: number;
  typeOf(index: number): number;
  /** Without the `ack` flag, which is added where it is needed. */
  flagsOf(index: number): number;
  /** Appends the payload; may be called again for the same message. */
  write(out: ByteWriter, index: number): void;
}

const TIMEOUT_MS = 10_000;

/**
 * Attempts at a dump. The kernel reports a change during a dump; on a busy table that can happen
 * several times.
 */
const DUMP_ATTEMPTS = 20;

/** Answers to one datagram wait in the socket's receive buffer: this few fit there. */
const PIPELINE_MESSAGES = 128;

/** After this many datagrams in a row, other code of the program gets its turn. */
const DATAGRAMS_AT_ONCE = 128;

/** Most answers are already waiting. For others the socket is read again after this time. */
const LOOK_AGAIN_MS = 5;

/**
 * Sends requests and receives answers over one socket, one exchange at a time, in the order of the
 * calls.
 */
export class NetlinkConnection {
  readonly #socket: NetlinkSocket;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #sequence = 1;
  #turn: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  constructor({ socket, clock = createSystemClock(), timeoutMs = TIMEOUT_MS }: ConnectionOptions) {
    this.#socket = socket;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * The address in notifications about this connection's own changes; 0 before the first exchange.
   */
  get portId(): number {
    return this.#socket.portId;
  }

  /** The longest datagram that can be sent, in bytes. */
  get maxSendBytes(): number {
    return this.#socket.maxSendBytes;
  }

  /**
   * Sends one message and waits for its answers: with the `ack` flag until the kernel's
   * acknowledgement, otherwise for the first answer. The `request` flag is added: the kernel
   * acknowledges a message without it and does nothing.
   *
   * @returns the answers before the acknowledgement
   * @throws {NetlinkError} `NETLINK_REFUSED` with the kernel's errno; see {@link exchange}
   */
  async request(
    what: string,
    message: OutgoingMessage,
    signal: AbortSignal,
  ): Promise<readonly NetlinkMessage[]> {
    const answers: NetlinkMessage[] = [];
    let failure: NetlinkError | undefined;
    const withAck = (message.flags & FLAG.ack) !== 0;
    const marked = { ...message, flags: message.flags | FLAG.request };
    const exchange = single(marked, (answer) => {
      if (answer.type === MESSAGE.error) {
        const acknowledgement = decodeAcknowledgement(answer);
        if (acknowledgement.errno !== 0) failure = refusal(what, acknowledgement);
        return 'end';
      }
      answers.push(answer);
      return withAck ? 'more' : 'end';
    });
    await this.exchange(what, exchange, signal);
    if (failure !== undefined) throw failure;
    return answers;
  }

  /**
   * Reads a whole table. If the table changed during the dump, it is read again.
   *
   * @param read turns a message into an item or into nothing; called again for the same messages
   *   when the dump starts over
   * @throws {NetlinkError} `NETLINK_REFUSED`; `NETLINK_INTERRUPTED` when the table changed during
   *   every attempt; see {@link exchange}
   */
  async dump<T>(
    what: string,
    message: OutgoingMessage,
    read: (message: NetlinkMessage) => T | undefined,
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    const request = { ...message, flags: message.flags | FLAG.request | FLAG.dump };
    for (let attempt = 1; attempt <= DUMP_ATTEMPTS; attempt += 1) {
      const items: T[] = [];
      let errno = 0;
      const table = { isInterrupted: false };
      const exchange = single(request, (answer) => {
        if ((answer.flags & FLAG.dumpInterrupted) !== 0) table.isInterrupted = true;
        if (answer.type === MESSAGE.done || answer.type === MESSAGE.error) {
          errno = readErrno(answer.payload);
          return 'end';
        }
        if (!table.isInterrupted) {
          const item = read(answer);
          if (item !== undefined) items.push(item);
        }
        return 'more';
      });
      await this.exchange(what, exchange, signal);
      const refused = { errno, text: undefined, offset: undefined };
      if (errno !== 0 && errno !== EINTR) throw refusal(what, refused);
      if (errno === 0 && !table.isInterrupted) return items;
    }
    const detail = `${what}: changed during each of ${DUMP_ATTEMPTS} attempts to read it`;
    throw new NetlinkError('NETLINK_INTERRUPTED', detail);
  }

  /**
   * Carries out many independent requests with few system calls. A refused request does not stop
   * the others.
   *
   * @returns per message `undefined`, or the kernel's refusal
   * @throws {NetlinkError} see {@link exchange}; then it is unknown which requests were carried
   *   out
   */
  async pipeline(
    what: string,
    messages: readonly OutgoingMessage[] | MessageSource,
    signal: AbortSignal,
  ): Promise<readonly (NetlinkError | undefined)[]> {
    const source = 'write' in messages ? messages : sourceOf(messages);
    const outcomes = new Array<NetlinkError | undefined>(messages.length).fill(undefined);
    const out = new ByteWriter(Math.min(PIPELINE_MESSAGES, source.length) * TYPICAL_BYTES);
    for (let from = 0; from < source.length;) {
      const start = from;
      let count = 0;
      await this.exchange(
        what,
        {
          sequences: Math.min(PIPELINE_MESSAGES, source.length - start),
          datagrams: (first) => {
            out.reset();
            count = this.#frame(out, source, { from: start, first });
            return [out.view()];
          },
          receive: (answer, index) => {
            if (answer.type !== MESSAGE.error) return 'more';
            const acknowledgement = decodeAcknowledgement(answer);
            const { errno } = acknowledgement;
            if (errno !== 0) outcomes[start + index] = refusal(what, acknowledgement);
            return index === count - 1 ? 'end' : 'more';
          },
        },
        signal,
      );
      from += count;
    }
    return outcomes;
  }

  /**
   * The general form: numbers the messages, sends them and passes on their answers.
   *
   * @throws {NetlinkError} `NETLINK_TIMEOUT` after silence, `NETLINK_LOST` for lost answers,
   *   `NETLINK_MALFORMED` for malformed ones, `NETLINK_TOO_LARGE`, `NETLINK_SOCKET`,
   *   `NETLINK_CLOSED`; the signal's reason on abort; what `receive` throws
   */
  async exchange(what: string, exchange: Exchange, signal: AbortSignal): Promise<void> {
    const before = this.#turn;
    const turn = Promise.withResolvers<undefined>();
    this.#turn = turn.promise;
    await before;
    try {
      signal.throwIfAborted();
      await this.#perform(what, exchange, signal);
    } finally {
      turn.resolve(undefined);
    }
  }

  /** Closes the socket; the current exchange fails with `NETLINK_CLOSED`. */
  close(): void {
    this.#isOpen = false;
    this.#socket.close();
  }

  async #perform(what: string, exchange: Exchange, signal: AbortSignal): Promise<void> {
    const first = this.#takeSequences(exchange.sequences);
    this.#forgetLeftovers();
    for (const datagram of exchange.datagrams(first)) this.#socket.send(datagram);
    let silentSinceMs = this.#clock.monotonicMs();
    for (;;) {
      const found = this.#receive(exchange, first);
      if (found === 'end') return;
      const nowMs = this.#clock.monotonicMs();
      if (found === 'some') silentSinceMs = nowMs;
      if (nowMs - silentSinceMs >= this.#timeoutMs) {
        const message = `${what}: no answer from the kernel within ${this.#timeoutMs} ms`;
        throw new NetlinkError('NETLINK_TIMEOUT', message);
      }
      await this.#clock.sleep(found === 'some' ? 0 : LOOK_AGAIN_MS, signal);
      signal.throwIfAborted();
      if (!this.#isOpen) throw new NetlinkError('NETLINK_CLOSED', `${what}: connection closed`);
    }
  }

  /** Discards answers to an abandoned exchange: they would take up the room of later ones. */
  #forgetLeftovers(): void {
    for (;;) {
      try {
        if (this.#socket.receive() === undefined) return;
      } catch (error) {
        if (!isNetlinkError(error, 'NETLINK_LOST')) throw error;
      }
    }
  }

  #receive(exchange: Exchange, first: number): 'end' | 'some' | 'nothing' {
    for (let count = 0; count < DATAGRAMS_AT_ONCE; count += 1) {
      const datagram = this.#socket.receive();
      if (datagram === undefined) return count === 0 ? 'nothing' : 'some';
      for (const message of splitMessages(datagram)) {
        const index = message.sequence - first;
        // answers to an earlier, abandoned exchange belong to no one
        if (index < 0 || index >= exchange.sequences || message.type === MESSAGE.noop) continue;
        if (exchange.receive(message, index) === 'end') return 'end';
      }
    }
    return 'some';
  }

  /** Numbers stay below 2³¹ and are never 0, the number in notifications. */
  #takeSequences(count: number): number {
    if (this.#sequence + count > 0x7fffffff) this.#sequence = 1;
    const first = this.#sequence;
    this.#sequence += count;
    return first;
  }

  /**
   * Packs as many messages as fit; the last one requests an acknowledgement. @returns their number
   */
  #frame(
    out: ByteWriter,
    source: MessageSource,
    { from, first }: Readonly<{ from: number; first: number }>,
  ): number {
    const most = Math.min(PIPELINE_MESSAGES, source.length - from);
    let last = 0;
    let count = 0;
    for (; count < most; count += 1) {
      const index = from + count;
      const flags = (source.flagsOf(index) & ~FLAG.ack) | FLAG.request;
      const at = beginMessage(out, source.typeOf(index), flags, first + count);
      source.write(out, index);
      endMessage(out, at);
      if (count > 0 && out.length > this.#socket.maxSendBytes) {
        out.reset(at);
        break;
      }
      last = at;
    }
    const flags = source.flagsOf(from + count - 1) | FLAG.request | FLAG.ack;
    out.patchU16(last + FLAGS_AT, flags);
    return count;
  }
}

const EINTR = 4;

/** The initial buffer size for one message of a pipeline. */
const TYPICAL_BYTES = 160;
/** An offset in a message's header. */
const FLAGS_AT = 6;

function single(message: OutgoingMessage, receive: Exchange['receive']): Exchange {
  return {
    sequences: 1,
    datagrams: (first) => [framed(message, first)],
    receive,
  };
}

function sourceOf(messages: readonly OutgoingMessage[]): MessageSource {
  const at = (index: number) => messages[index] as OutgoingMessage;
  return {
    length: messages.length,
    typeOf: (index) => at(index).type,
    flagsOf: (index) => at(index).flags,
    write: (out, index) => out.bytes(at(index).payload),
  };
}

function framed(message: OutgoingMessage, sequence: number): Buffer {
  const out = new ByteWriter(message.payload.length + 20);
  writeMessage(out, message, sequence);
  return out.view();
}
