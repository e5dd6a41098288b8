import { type Buffer, isUtf8 } from 'node:buffer';

import { DbusError } from '../model/errors.js';
import type { DbusValue, DbusVariant } from '../model/message.js';
import { isObjectPath } from './names.js';
import { alignmentOf, type DbusType, parseSignature } from './signature.js';

/** Containers within containers, variants included: the protocol's limit. */
const MAX_DEPTH = 64;
const MAX_ARRAY_BYTES = 2 ** 26;

/** Reads values from the bytes of one message, which nobody has checked. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #isLittle: boolean;
  #at = 0;

  /** @param bytes start at a multiple of 8 of their message */
  constructor(bytes: Buffer, isLittle: boolean) {
    this.#bytes = bytes;
    this.#isLittle = isLittle;
  }

  get at(): number {
    return this.#at;
  }

  /** @throws {DbusError} `DBUS_MALFORMED` */
  align(to: number): void {
    while (this.#at % to !== 0) {
      if (this.u8() !== 0) throw malformed('padding that is not zero');
    }
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u32(): number {
    this.align(4);
    const at = this.#take(4);
    return this.#isLittle ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  /** @throws {DbusError} `DBUS_MALFORMED` */
  values(signature: string): readonly DbusValue[] {
    const types = parseSignature(signature);
    if (types === undefined) throw malformed('a signature that is none');
    return types.map((type) => this.value(type, 0));
  }

  value(type: DbusType, depth: number): DbusValue {
    if (depth > MAX_DEPTH) throw malformed('values nested too deep');
    switch (type.code) {
      case 'basic':
        return this.#basic(type.letter);
      case 'variant':
        return this.#variant(depth);
      case 'array':
        return this.#array(type.of, depth);
      case 'struct':
        this.align(8);
        return type.fields.map((field) => this.value(field, depth + 1));
      case 'entry':
        this.align(8);
        return [this.value(type.key, depth + 1), this.value(type.value, depth + 1)];
    }
  }

  #basic(letter: string): DbusValue {
    switch (letter) {
      case 'y':
        return this.u8();
      case 'b':
        return this.#boolean();
      case 's':
        return this.#text(this.u32());
      case 'o':
        return this.#path();
      case 'g':
        return this.#signature();
      default:
        return this.#number(letter);
    }
  }

  #number(letter: string): number | bigint {
    const isWide = 'xtd'.includes(letter);
    const size = isWide ? 8 : 'nq'.includes(letter) ? 2 : 4;
    this.align(size);
    const [at, bytes, little] = [this.#take(size), this.#bytes, this.#isLittle];
    switch (letter) {
      case 'n':
        return little ? bytes.readInt16LE(at) : bytes.readInt16BE(at);
      case 'q':
        return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
      case 'i':
        return little ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
      case 'x':
        return little ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at);
      case 't':
        return little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
      case 'd':
        return little ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at);
      default:
        return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    }
  }

  #boolean(): boolean {
    const value = this.u32();
    if (value > 1) throw malformed('a boolean that is neither');
    return value === 1;
  }

  #path(): string {
    const text = this.#text(this.u32());
    if (!isObjectPath(text)) throw malformed('an object path that is none');
    return text;
  }

  #signature(): string {
    const text = this.#text(this.u8());
    if (parseSignature(text) === undefined) throw malformed('a signature that is none');
    return text;
  }

  #variant(depth: number): DbusVariant {
    const signature = this.#text(this.u8());
    const [type, ...more] = parseSignature(signature) ?? [];
    if (type === undefined || more.length > 0) throw malformed('a variant of not one type');
    return { signature, value: this.value(type, depth + 1) };
  }

  #array(of: DbusType, depth: number): DbusValue {
    const length = this.u32();
    if (length > MAX_ARRAY_BYTES) throw malformed('an array above 64 MiB');
    this.align(alignmentOf(of));
    const start = this.#take(length);
    const end = this.#at;
    if (of.code === 'basic' && of.letter === 'y') {
      return Uint8Array.from(this.#bytes.subarray(start, end));
    }
    this.#at = start;
    const found: DbusValue[] = [];
    while (this.#at < end) found.push(this.value(of, depth + 1));
    if (this.#at !== end) throw malformed('an array whose last element does not end with it');
    return found;
  }

  #text(length: number): string {
    const start = this.#take(length);
    const bytes = this.#bytes.subarray(start, this.#at);
    if (this.u8() !== 0 || bytes.includes(0)) throw malformed('text that does not end with zero');
    if (!isUtf8(bytes)) throw malformed('text that is not UTF-8');
    return bytes.toString('utf8');
  }

  /** @returns the position of that many bytes */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw malformed('a value that the message cuts off');
    this.#at = at + length;
    return at;
  }
}

function malformed(what: string): DbusError {
  return new DbusError('DBUS_MALFORMED', `a message has ${what}`);
}
