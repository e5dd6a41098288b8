import { NetlinkError } from '../model/errors.js';
import { decodeAddress, encodeAddress } from './address.js';
import {
  type Attr,
  type AttrTable,
  type AttrValues,
  decodeAttrs,
  splitAttrs,
  writeAttr,
  writeAttrs,
} from './attr.js';
import { type ByteWriter, LITTLE_ENDIAN, NLA_F_NESTED } from './byte-writer.js';

/** 0 … 255. */
export const u8 = (id: number): Attr<number> =>
  integer(id, 1, 0xff, {
    write: (out, value) => out.u8(value),
    read: (bytes) => bytes.readUInt8(0),
  });

/** 0 … 65,535 in the machine's byte order. */
export const u16 = (id: number): Attr<number> =>
  integer(id, 2, 0xffff, {
    write: (out, value) => out.u16(value),
    read: (bytes) => (LITTLE_ENDIAN ? bytes.readUInt16LE(0) : bytes.readUInt16BE(0)),
  });

/** 0 … 65,535 in network byte order: ports. */
export const u16be = (id: number): Attr<number> =>
  integer(id, 2, 0xffff, {
    write: (out, value) => out.u16be(value),
    read: (bytes) => bytes.readUInt16BE(0),
  });

/** 0 … 2³² − 1 in the machine's byte order. */
export const u32 = (id: number): Attr<number> =>
  integer(id, 4, 0xffffffff, {
    write: (out, value) => out.u32(value),
    read: (bytes) => (LITTLE_ENDIAN ? bytes.readUInt32LE(0) : bytes.readUInt32BE(0)),
  });

/** 0 … 2³² − 1 in network byte order. */
export const u32be = (id: number): Attr<number> =>
  integer(id, 4, 0xffffffff, {
    write: (out, value) => out.u32be(value),
    read: (bytes) => bytes.readUInt32BE(0),
  });

/** −2³¹ … 2³¹ − 1 in the machine's byte order. */
export const i32 = (id: number): Attr<number> => ({
  id,
  flags: 0,
  write: (out, value) => out.u32(checkedInt32(id, value) >>> 0),
  read: (bytes) => (LITTLE_ENDIAN ? sized(id, bytes, 4).readInt32LE(0) : bytes.readInt32BE(0)),
});

/** −2³¹ … 2³¹ − 1 in network byte order. */
export const i32be = (id: number): Attr<number> => ({
  id,
  flags: 0,
  write: (out, value) => out.u32be(checkedInt32(id, value) >>> 0),
  read: (bytes) => sized(id, bytes, 4).readInt32BE(0),
});

/** 64 bits in the machine's byte order. */
export const u64 = (id: number): Attr<bigint> => ({
  id,
  flags: 0,
  write: (out, value) => out.u64(checkedU64(id, value)),
  read: (payload) => {
    const bytes = sized(id, payload, 8);
    return LITTLE_ENDIAN ? bytes.readBigUInt64LE(0) : bytes.readBigUInt64BE(0);
  },
});

/** 64 bits in network byte order. */
export const u64be = (id: number): Attr<bigint> => ({
  id,
  flags: 0,
  write: (out, value) => out.u64be(checkedU64(id, value)),
  read: (bytes) => sized(id, bytes, 8).readBigUInt64BE(0),
});

/**
 * A flag attribute: present or absent. Writes nothing for `undefined`; `false` is never written.
 */
export const flag = (id: number): Attr<true> => ({
  id,
  flags: 0,
  write: () => undefined,
  read: () => true,
});

/**
 * Text with a closing NUL byte. Reads up to the first NUL, or to the end.
 *
 * @param maxBytes includes the NUL: the size of the kernel's buffer, `IFNAMSIZ` for interface
 *   names
 */
export const cString = (id: number, maxBytes = 0xffff - 4): Attr<string> => ({
  id,
  flags: 0,
  write: (out, value) => {
    if (value.includes('\0')) throw unfit(id, 'text with a NUL byte in it');
    const size = Buffer.byteLength(value) + 1;
    if (size > maxBytes)
      throw unfit(id, `text of ${size} bytes, at most ${maxBytes} fit: ${value}`);
    out.text(value);
    out.u8(0);
  },
  read: (payload) => {
    const end = payload.indexOf(0);
    return payload.toString('utf8', 0, end === -1 ? payload.length : end);
  },
});

/** Raw bytes; reading returns a copy. */
export const bytes = (id: number): Attr<Uint8Array> => ({
  id,
  flags: 0,
  write: (out, value) => out.bytes(value),
  read: (payload) => Buffer.from(payload),
});

/**
 * An IPv4 or IPv6 address as text, four or sixteen bytes on the wire.
 *
 * @param padTo writes this many bytes, the address first: IPVS takes 16 for both families.
 *   Sixteen bytes are always read as an IPv6 address.
 */
export const inetAddress = (id: number, padTo = 0): Attr<string> => ({
  id,
  flags: 0,
  write: (out, value) => {
    const encoded = encodeAddress(value);
    if (encoded === undefined) throw unfit(id, `not an IP address: ${value}`);
    out.bytes(encoded);
    if (encoded.length < padTo) out.zeros(padTo - encoded.length);
  },
  read: (payload) => {
    const text = decodeAddress(payload);
    if (text !== undefined) return text;
    throw new NetlinkError(
      'NETLINK_MALFORMED',
      `attribute ${id}: address of ${payload.length} bytes`,
    );
  },
});

/** Attributes inside an attribute. `plain` omits the flag bit, for families older than the bit. */
export const nested = <T extends AttrTable>(
  id: number,
  table: T,
  style: 'flagged' | 'plain' = 'flagged',
): Attr<AttrValues<T>> => ({
  id,
  flags: style === 'flagged' ? NLA_F_NESTED : 0,
  write: (out, value) => writeAttrs(out, table, value),
  read: (payload) => decodeAttrs(table, payload),
});

/**
 * A list: a nest whose attributes have all the same kind and id. Attributes with other ids are
 * skipped.
 */
export const listOf = <T>(id: number, item: Attr<T>): Attr<readonly T[]> => ({
  id,
  flags: NLA_F_NESTED,
  write: (out, values) => {
    for (const value of values) writeAttr(out, item, value);
  },
  read: (payload) => {
    const values: T[] = [];
    for (const attr of splitAttrs(payload)) {
      if (attr.id === item.id) values.push(item.read(attr.payload));
    }
    return values;
  },
});

/** An array in the style of older families: a nest of nests numbered 1, 2, … */
export const arrayOf = <T extends AttrTable>(
  id: number,
  table: T,
): Attr<readonly AttrValues<T>[]> => ({
  id,
  flags: NLA_F_NESTED,
  write: (out, values) => {
    values.forEach((value, i) => writeAttr(out, nested(i + 1, table), value));
  },
  read: (payload) => [...splitAttrs(payload)].map((attr) => decodeAttrs(table, attr.payload)),
});

interface IntegerRules {
  write(out: ByteWriter, value: number): void;
  read(bytes: Buffer): number;
}

function integer(id: number, size: number, max: number, rules: IntegerRules): Attr<number> {
  return {
    id,
    flags: 0,
    write: (out, value) => {
      if (!Number.isInteger(value) || value < 0 || value > max) {
        throw unfit(id, `${value} is not an integer from 0 to ${max}`);
      }
      rules.write(out, value);
    },
    read: (payload) => rules.read(sized(id, payload, size)),
  };
}

function checkedInt32(id: number, value: number): number {
  if ((value | 0) === value) return value;
  throw unfit(id, `${value} is not a 32-bit integer`);
}

function checkedU64(id: number, value: bigint): bigint {
  if (BigInt.asUintN(64, value) === value) return value;
  throw unfit(id, `${value} is not an unsigned 64-bit integer`);
}

function sized(id: number, payload: Buffer, size: number): Buffer {
  if (payload.length >= size) return payload;
  const message = `attribute ${id}: ${payload.length} bytes where ${size} are needed`;
  throw new NetlinkError('NETLINK_MALFORMED', message);
}

function unfit(id: number, what: string): NetlinkError {
  return new NetlinkError('NETLINK_VALUE', `attribute ${id}: ${what}`);
}
