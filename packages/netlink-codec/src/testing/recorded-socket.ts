import { LITTLE_ENDIAN } from '../codec/byte-writer.js';
import { splitMessages } from '../codec/message.js';
import { NetlinkError } from '../model/errors.js';
import type { NetlinkSocket } from '../ports.js';

/** One recorded exchange: a datagram to the kernel and the answers before the next datagram. */
export interface RecordedExchange {
  /** In hexadecimal, with the original sequence numbers and ports. */
  readonly sent: string;
  readonly received: readonly string[];
}

const SEQUENCE_AT = 8;
const PORT_AT = 12;

/**
 * Plays a recording: each sent datagram must equal the recorded one except for sequence numbers;
 * the answers get the current numbers.
 */
export class RecordedSocket implements NetlinkSocket {
  readonly portId = 4242;
  readonly maxSendBytes: number;
  /** The currently joined groups. */
  readonly groups = new Set<number>();
  readonly #left: RecordedExchange[];
  readonly #waiting: (Buffer | NetlinkError)[] = [];
  #isOpen = true;

  constructor(recording: readonly RecordedExchange[], maxSendBytes = 200_000) {
    this.#left = [...recording];
    this.maxSendBytes = maxSendBytes;
  }

  /** Number of recorded exchanges still to come. */
  get left(): number {
    return this.#left.length;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @throws {Error} for a datagram that is not the next recorded one */
  send(datagram: Uint8Array): void {
    this.#assertOpen();
    const sent = withPort(Buffer.from(datagram), 0);
    const next = this.#left.shift();
    const recorded = Buffer.from(next?.sent ?? '', 'hex');
    const now = sequences(sent);
    const numbers = new Map(sequences(recorded).map((old, i) => [old, now[i] ?? 0]));
    if (next === undefined || !withSequences(recorded, numbers, 0).equals(sent)) {
      const expected = next === undefined ? 'nothing more' : next.sent;
      throw new Error(`sent ${sent.toString('hex')}\nrecorded is ${expected}`);
    }
    for (const answer of next.received) {
      this.#waiting.push(withSequences(Buffer.from(answer, 'hex'), numbers, this.portId));
    }
  }

  receive(): Buffer | undefined {
    this.#assertOpen();
    const next = this.#waiting.shift();
    if (next instanceof NetlinkError) throw next;
    return next;
  }

  join(group: number): void {
    this.#assertOpen();
    this.groups.add(group);
  }

  leave(group: number): void {
    this.#assertOpen();
    this.groups.delete(group);
  }

  /** Delivers a datagram, or an error, as from the kernel. */
  inject(datagram: Buffer | NetlinkError): void {
    this.#waiting.push(datagram);
  }

  close(): void {
    this.#isOpen = false;
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new NetlinkError('NETLINK_CLOSED', 'the netlink socket is closed');
  }
}

/** Records the traffic of another socket: run it once against a kernel and play it later. */
export function recordSocket(socket: NetlinkSocket): {
  readonly socket: NetlinkSocket;
  readonly recording: readonly RecordedExchange[];
} {
  const recording: { sent: string; received: string[] }[] = [];
  const spy: NetlinkSocket = {
    get portId() {
      return socket.portId;
    },
    maxSendBytes: socket.maxSendBytes,
    send: (datagram) => {
      recording.push({ sent: Buffer.from(datagram).toString('hex'), received: [] });
      socket.send(datagram);
    },
    receive: () => {
      const datagram = socket.receive();
      if (datagram !== undefined) recording.at(-1)?.received.push(datagram.toString('hex'));
      return datagram;
    },
    join: (group) => socket.join(group),
    leave: (group) => socket.leave(group),
    close: () => socket.close(),
  };
  return { socket: spy, recording };
}

function sequences(datagram: Buffer): readonly number[] {
  return [...splitMessages(datagram)].map(({ sequence }) => sequence);
}

function withSequences(datagram: Buffer, numbers: Map<number, number>, portId: number): Buffer {
  const bytes = withPort(datagram, portId);
  for (const at of starts(bytes)) {
    const sequence = readU32(bytes, at + SEQUENCE_AT);
    writeU32(bytes, at + SEQUENCE_AT, numbers.get(sequence) ?? sequence);
  }
  return bytes;
}

function withPort(datagram: Buffer, portId: number): Buffer {
  const bytes = Buffer.from(datagram);
  for (const at of starts(bytes)) writeU32(bytes, at + PORT_AT, portId);
  return bytes;
}

function* starts(bytes: Buffer): Generator<number> {
  let at = 0;
  for (const { payload } of splitMessages(bytes)) {
    yield at;
    at += (payload.length + 16 + 3) & ~3;
  }
}

function readU32(bytes: Buffer, at: number): number {
  return LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function writeU32(bytes: Buffer, at: number, value: number): void {
  if (LITTLE_ENDIAN) bytes.writeUInt32LE(value, at);
  else bytes.writeUInt32BE(value, at);
}
