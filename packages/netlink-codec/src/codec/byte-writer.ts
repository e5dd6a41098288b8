import { NetlinkError } from '../model/errors.js';

/** Netlink headers and most integers are in the machine's own byte order. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** An attribute's length field has 16 bits. */
const MAX_ATTR_BYTES = 0xffff;

/**
 * Set on the type of attributes that contain attributes.
 *
 * @see Linux include/uapi/linux/netlink.h
 */
export const NLA_F_NESTED = 0x8000;

/** Writes bytes in sequence into one buffer that grows and can be reused. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafe(Math.max(capacity, 64));
  }

  get length(): number {
    return this.#length;
  }

  /** The written bytes; they share memory, so they are valid until the next write or reset. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Returns a copy of the bytes written from this position on. */
  copy(from = 0): Buffer {
    return Buffer.from(this.#bytes.subarray(from, this.#length));
  }

  /** Discards everything written, or everything after `length`. */
  reset(length = 0): void {
    this.#length = length;
  }

  // Written byte by byte: the checks and conversions of Buffer's own methods take longer than the
  // writing.

  u8(value: number): void {
    checkRange(value, 0xff);
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    checkRange(value, 0xffff);
    const at = this.#grow(2);
    const bytes = this.#bytes;
    bytes[at] = LITTLE_ENDIAN ? value : value >>> 8;
    bytes[at + 1] = LITTLE_ENDIAN ? value >>> 8 : value;
  }

  u16be(value: number): void {
    checkRange(value, 0xffff);
    const at = this.#grow(2);
    const bytes = this.#bytes;
    bytes[at] = value >>> 8;
    bytes[at + 1] = value;
  }

  u32(value: number): void {
    checkRange(value, 0xffffffff);
    const at = this.#grow(4);
    this.#putU32(at, value);
  }

  u32be(value: number): void {
    checkRange(value, 0xffffffff);
    const at = this.#grow(4);
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  u64(value: bigint): void {
    const at = this.#grow(8);
    if (LITTLE_ENDIAN) this.#bytes.writeBigUInt64LE(value, at);
    else this.#bytes.writeBigUInt64BE(value, at);
  }

  u64be(value: bigint): void {
    const at = this.#grow(8);
    this.#bytes.writeBigUInt64BE(value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
  }

  /** Writes UTF-8 without a terminator. */
  text(value: string): void {
    const size = Buffer.byteLength(value);
    const at = this.#grow(size);
    this.#bytes.write(value, at, size, 'utf8');
  }

  zeros(count: number): void {
    const at = this.#grow(count);
    const bytes = this.#bytes;
    if (count > 16) bytes.fill(0, at, at + count);
    else for (let i = at; i < at + count; i += 1) bytes[i] = 0;
  }

  /** Writes zeros up to the next multiple of four, counted from the start. */
  align(): void {
    const rest = this.#length & 3;
    if (rest !== 0) this.zeros(4 - rest);
  }

  /** Writes a message's header, without its length, in one step. @returns its position */
  header(type: number, flags: number, sequence: number): number {
    const at = this.#grow(16);
    const bytes = this.#bytes;
    bytes.writeUInt32LE(0, at);
    bytes.writeUInt32LE(0, at + 12);
    if (LITTLE_ENDIAN) {
      bytes.writeUInt16LE(type, at + 4);
      bytes.writeUInt16LE(flags, at + 6);
      bytes.writeUInt32LE(sequence, at + 8);
    } else {
      bytes.writeUInt16BE(type, at + 4);
      bytes.writeUInt16BE(flags, at + 6);
      bytes.writeUInt32BE(sequence, at + 8);
    }
    return at;
  }

  /** Overwrites four bytes written earlier. */
  patchU32(at: number, value: number): void {
    checkRange(value, 0xffffffff);
    this.#putU32(at, value);
  }

  /** Overwrites as many bytes as there are in `value`. */
  patch(at: number, value: Uint8Array): void {
    this.#bytes.set(value, at);
  }

  /** Overwrites two bytes written earlier. */
  patchU16(at: number, value: number): void {
    if (LITTLE_ENDIAN) this.#bytes.writeUInt16LE(value, at);
    else this.#bytes.writeUInt16BE(value, at);
  }

  /** Overwrites two bytes written earlier, in network order. */
  patchU16be(at: number, value: number): void {
    this.#bytes.writeUInt16BE(value, at);
  }

  /**
   * Starts an attribute; its payload is everything written until {@link endAttr} gets the result.
   */
  beginAttr(id: number): number {
    const at = this.#length;
    this.u16(0);
    this.u16(id);
    return at;
  }

  /** @throws {NetlinkError} `NETLINK_VALUE` when the attribute is longer than 65,535 bytes */
  endAttr(at: number): void {
    const size = this.#length - at;
    if (size > MAX_ATTR_BYTES) {
      const message = `attribute of ${size} bytes: at most ${MAX_ATTR_BYTES} fit, split it`;
      throw new NetlinkError('NETLINK_VALUE', message);
    }
    this.#bytes[at] = LITTLE_ENDIAN ? size : size >>> 8;
    this.#bytes[at + 1] = LITTLE_ENDIAN ? size >>> 8 : size;
    this.align();
  }

  #putU32(at: number, value: number): void {
    const bytes = this.#bytes;
    if (LITTLE_ENDIAN) {
      bytes[at] = value;
      bytes[at + 1] = value >>> 8;
      bytes[at + 2] = value >>> 16;
      bytes[at + 3] = value >>> 24;
    } else {
      bytes[at] = value >>> 24;
      bytes[at + 1] = value >>> 16;
      bytes[at + 2] = value >>> 8;
      bytes[at + 3] = value;
    }
  }

  #grow(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = end;
    return at;
  }
}

function checkRange(value: number, max: number): void {
  if (value >= 0 && value <= max && Number.isInteger(value)) return;
  const message = `${value} is not an integer from 0 to ${max}`;
  throw new NetlinkError('NETLINK_VALUE', message);
}
