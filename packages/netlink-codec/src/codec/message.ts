import { NetlinkError } from '../model/errors.js';
import { decodeAttrs } from './attr.js';
import { cString, u32 } from './attr-types.js';
import { type ByteWriter, LITTLE_ENDIAN } from './byte-writer.js';
import { errnoName } from './errno.js';

/** Message types common to all families. @see Linux include/uapi/linux/netlink.h */
export const MESSAGE = { noop: 1, error: 2, done: 3, overrun: 4, firstOfFamily: 16 } as const;

/** Bits of a message's flags. Those above 0x80 mean different things for get, new and delete. */
export const FLAG = {
  request: 1,
  multi: 2,
  ack: 4,
  echo: 8,
  /** The dump is inconsistent: the table changed while it was read. */
  dumpInterrupted: 0x10,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  /** On errors: the answer does not repeat the whole request. */
  capped: 0x100,
  /** On errors: attributes with the kernel's explanation follow. */
  explained: 0x200,
} as const;

/** Bytes of struct nlmsghdr. */
export const MESSAGE_HEADER = 16;

/** One message of a datagram: struct nlmsghdr and its payload. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
  /** The payload after the 16-byte header; shares memory with the datagram. */
  readonly payload: Buffer;
}

/** An outgoing message; the connection adds length, sequence number and port. */
export interface OutgoingMessage {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** Starts a message; {@link endMessage} with the result closes it. */
export function beginMessage(
  out: ByteWriter,
  type: number,
  flags: number,
  sequence: number,
): number {
  return out.header(type, flags, sequence);
}

/** Writes the length of the message that began at this offset, and pads it to four bytes. */
export function endMessage(out: ByteWriter, at: number): void {
  out.patchU32(at, out.length - at);
  out.align();
}

/** Appends a whole message. */
export function writeMessage(out: ByteWriter, message: OutgoingMessage, sequence: number): void {
  const at = beginMessage(out, message.type, message.flags, sequence);
  out.bytes(message.payload);
  endMessage(out, at);
}

/**
 * Splits a datagram into its messages.
 *
 * @throws {NetlinkError} `NETLINK_MALFORMED` when a length points outside
 */
export function* splitMessages(datagram: Buffer): Generator<NetlinkMessage, void> {
  let at = 0;
  while (at < datagram.length) {
    const left = datagram.length - at;
    const size = left < MESSAGE_HEADER ? 0 : readU32(datagram, at);
    if (size < MESSAGE_HEADER || size > left) {
      throw new NetlinkError('NETLINK_MALFORMED', `message says ${size} bytes of ${left}`);
    }
    yield {
      type: readU16(datagram, at + 4),
      flags: readU16(datagram, at + 6),
      sequence: readU32(datagram, at + 8),
      portId: readU32(datagram, at + 12),
      payload: datagram.subarray(at + MESSAGE_HEADER, at + size),
    };
    at += (size + 3) & ~3;
  }
}

/** The content of an `error` message; an errno of 0 is an acknowledgement. */
export interface Acknowledgement {
  /** Positive. */
  readonly errno: number;
  /** The kernel's explanation, if the socket asked for one and the kernel gave one. */
  readonly text: string | undefined;
  /** Offset of the mistake in the request, in bytes. */
  readonly offset: number | undefined;
}

/** NLMSGERR_ATTR_*. */
const EXPLANATION = { text: cString(1), offset: u32(2) } as const;

/** @throws {NetlinkError} `NETLINK_MALFORMED` */
export function decodeAcknowledgement({ flags, payload }: NetlinkMessage): Acknowledgement {
  const errno = readErrno(payload);
  const none = { errno, text: undefined, offset: undefined };
  if ((flags & FLAG.explained) === 0 || payload.length < 8) return none;
  const repeated = (flags & FLAG.capped) === 0 ? readU32(payload, 4) : MESSAGE_HEADER;
  const start = 4 + Math.ceil(repeated / 4) * 4;
  if (start > payload.length) {
    throw new NetlinkError('NETLINK_MALFORMED', `explanation of an error starts at ${start}`);
  }
  const { text, offset } = decodeAttrs(EXPLANATION, payload.subarray(start));
  return { errno, text, offset };
}

/**
 * Returns the errno at the start of an `error` or `done` message, positive; 0 when there is none.
 */
export function readErrno(payload: Buffer): number {
  if (payload.length < 4) return 0;
  const value = LITTLE_ENDIAN ? payload.readInt32LE(0) : payload.readInt32BE(0);
  return value < 0 ? -value : 0; // ipset has numbers above the system's 4095
}

/** Returns the error for a refusal; `what` names the request. */
export function refusal(what: string, { errno, text }: Acknowledgement): NetlinkError {
  const reason = text === undefined || text === '' ? '' : `: ${text}`;
  return new NetlinkError('NETLINK_REFUSED', `${what}: ${errnoName(errno)}${reason}`, { errno });
}

function readU16(bytes: Buffer, at: number): number {
  return LITTLE_ENDIAN ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

function readU32(bytes: Buffer, at: number): number {
  return LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}
