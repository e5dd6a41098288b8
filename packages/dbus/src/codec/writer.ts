import { Buffer } from 'node:buffer';

import { DbusError } from '../model/errors.js';
import type { DbusValue } from '../model/message.js';
import { isObjectPath } from './names.js';
import { alignmentOf, type DbusType, parseSignature } from './signature.js';

const FIRST_BYTES = 256;
const MAX_DEPTH = 64;

/** Writes values, the least significant byte first. */
export class WireWriter {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  align(to: number): void {
    this.#grow((to - (this.#length % to)) % to);
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#bytes.writeUInt8(value, at);
  }

  u32(value: number): void {
    this.align(4);
    const at = this.#grow(4);
    this.#bytes.writeUInt32LE(value, at);
  }

  /** Overwrites a number that {@link u32} wrote. */
  patchU32(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value, at);
  }

  /** @throws {DbusError} `DBUS_VALUE`: a value that is not of its type */
  values(signature: string, values: readonly DbusValue[]): void {
    const types = parseSignature(signature);
    if (types?.length !== values.length) {
      throw wrong(`${values.length} values do not fit the signature "${signature}"`);
    }
    types.forEach((type, at) => this.value(type, values[at], 0));
  }

  value(type: DbusType, value: DbusValue | undefined, depth: number): void {
    if (depth > MAX_DEPTH) throw wrong('values are nested too deep');
    switch (type.code) {
      case 'basic':
        this.#basic(type.letter, value);
        return;
      case 'variant':
        this.#variant(value, depth);
        return;
      case 'array':
        this.#array(type.of, value, depth);
        return;
      case 'struct':
        this.align(8);
        this.#parts(type.fields, value, depth);
        return;
      case 'entry':
        this.align(8);
        this.#parts([type.key, type.value], value, depth);
    }
  }

  text(text: string): void {
    this.u32(Buffer.byteLength(text));
    this.#raw(text);
  }

  signature(text: string): void {
    if (parseSignature(text) === undefined) throw wrong(`"${text}" is no signature`);
    this.u8(text.length);
    this.#raw(text);
  }

  #basic(letter: string, value: DbusValue | undefined): void {
    if (letter === 'b') {
      if (typeof value !== 'boolean') throw wrong('a boolean is expected');
      this.u32(value ? 1 : 0);
    } else if ('sog'.includes(letter)) {
      if (typeof value !== 'string') throw wrong('text is expected');
      this.#string(letter, value);
    } else {
      this.#number(letter, value);
    }
  }

  #string(letter: string, value: string): void {
    if (value.includes('\0')) throw wrong('text contains a zero');
    if (letter === 'g') {
      this.signature(value);
      return;
    }
    if (letter === 'o' && !isObjectPath(value)) throw wrong(`"${value}" is no object path`);
    this.text(value);
  }

  #number(letter: string, value: DbusValue | undefined): void {
    const isWide = 'xt'.includes(letter);
    if (typeof value !== 'bigint' && typeof value !== 'number') throw wrong('a number is expected');
    if ((typeof value === 'bigint') !== isWide) throw wrong(`no number of type ${letter}`);
    const size = letter === 'y' ? 1 : 'nq'.includes(letter) ? 2 : 'xtd'.includes(letter) ? 8 : 4;
    this.align(size);
    const at = this.#grow(size);
    try {
      if (typeof value === 'bigint') this.#wide(letter, value, at);
      else this.#narrow(letter, value, at);
    } catch (cause) {
      throw new DbusError('DBUS_VALUE', `${String(value)} is out of range of type ${letter}`, {
        cause,
      });
    }
  }

  #wide(letter: string, value: bigint, at: number): void {
    if (letter === 'x') this.#bytes.writeBigInt64LE(value, at);
    else this.#bytes.writeBigUInt64LE(value, at);
  }

  #narrow(letter: string, value: number, at: number): void {
    if (letter === 'd') {
      this.#bytes.writeDoubleLE(value, at);
      return;
    }
    if (!Number.isInteger(value)) throw new RangeError('not a whole number');
    if (letter === 'y') this.#bytes.writeUInt8(value, at);
    else if (letter === 'n') this.#bytes.writeInt16LE(value, at);
    else if (letter === 'q') this.#bytes.writeUInt16LE(value, at);
    else if (letter === 'i') this.#bytes.writeInt32LE(value, at);
    else this.#bytes.writeUInt32LE(value, at);
  }

  #variant(value: DbusValue | undefined, depth: number): void {
    if (typeof value !== 'object' || value instanceof Uint8Array || !('signature' in value)) {
      throw wrong('a variant is expected');
    }
    const [type, ...more] = parseSignature(value.signature) ?? [];
    if (type === undefined || more.length > 0) throw wrong('a variant has exactly one type');
    this.signature(value.signature);
    this.value(type, value.value, depth + 1);
  }

  #array(of: DbusType, value: DbusValue | undefined, depth: number): void {
    this.u32(0);
    const lengthAt = this.#length - 4;
    this.align(alignmentOf(of));
    const start = this.#length;
    if (value instanceof Uint8Array && of.code === 'basic' && of.letter === 'y') {
      const at = this.#grow(value.length);
      this.#bytes.set(value, at);
    } else {
      for (const item of listOf(value)) this.value(of, item, depth + 1);
    }
    this.patchU32(lengthAt, this.#length - start);
  }

  #parts(types: readonly DbusType[], value: DbusValue | undefined, depth: number): void {
    const list = listOf(value);
    if (list.length !== types.length) throw wrong(`a list of ${types.length} is expected`);
    types.forEach((type, at) => this.value(type, list[at], depth + 1));
  }

  #raw(text: string): void {
    const size = Buffer.byteLength(text);
    const at = this.#grow(size + 1);
    this.#bytes.write(text, at, 'utf8');
  }

  /** @returns the position of that many new bytes, which are zero */
  #grow(by: number): number {
    const at = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}

function listOf(value: DbusValue | undefined): readonly DbusValue[] {
  if (!Array.isArray(value)) throw wrong('a list is expected');
  return value as readonly DbusValue[];
}

function wrong(message: string): DbusError {
  return new DbusError('DBUS_VALUE', message);
}
