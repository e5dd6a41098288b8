import { decodeAddress, encodeAddress, LITTLE_ENDIAN } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import { NFT_TYPES, type NftTypeName, type NftTypeRow, nftTypeRow } from '../model/nft-types.js';
import type { NftFamily, NftType, NftValue } from '../model/nftables.js';

/** Both ends are part of it. */
export interface DatumRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

const UNKNOWN_TYPE = /^type (\d+), (\d+) bytes$/;

/** @throws {NetfilterError} `NETFILTER_VALUE` for names that are no types */
export function typeRow(type: NftType, family: NftFamily): NftTypeRow {
  switch (type) {
    case 'address':
      if (family === 'ip' || family === 'ip6') {
        return nftTypeRow(family === 'ip' ? 'ipv4_addr' : 'ipv6_addr');
      }
      throw bad(`type "address": use ipv4_addr or ipv6_addr in family ${family}`);
    case 'protocol':
      return nftTypeRow('inet_proto');
    case 'port':
      return nftTypeRow('inet_service');
    case 'index':
      return nftTypeRow('mark');
    default: {
      if (Object.hasOwn(NFT_TYPES, type)) return nftTypeRow(type as NftTypeName);
      const [, id, bytes] = UNKNOWN_TYPE.exec(type) ?? [];
      if (id !== undefined) return { id: Number(id), bytes: Number(bytes), form: 'hex' };
      const known = ['address', 'protocol', 'port', 'index', ...Object.keys(NFT_TYPES)];
      throw bad(`type "${type}": must be one of ${known.join(', ')}`);
    }
  }
}

/**
 * Returns the bytes of one value; text for interfaces that ends in `*` gives the bytes before it.
 *
 * @param where names the value in errors: `tcp dport`
 * @throws {NetfilterError} `NETFILTER_VALUE`
 */
export function encodeDatum(row: NftTypeRow, value: NftValue, where: string): Buffer {
  const bytes = tryDatum(row, value);
  if (bytes !== undefined) return bytes;
  throw bad(`${where}: "${value}" must be ${allowed(row)}`);
}

/** Returns the value of bytes that {@link encodeDatum} wrote. */
export function decodeDatum(row: NftTypeRow, bytes: Buffer): NftValue {
  switch (row.form) {
    case 'ipv4':
    case 'ipv6':
      return decodeAddress(bytes) ?? '';
    case 'ether':
      return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    case 'text':
      return decodeText(bytes, row.bytes);
    case 'hex':
      return bytes.toString('hex');
    case 'network':
    case 'host':
      return symbolOf(row, readNumber(row, bytes));
  }
}

/** Returns the ends of a range, a network or `*` as everything; undefined for a single value. */
export function datumRange(
  row: NftTypeRow,
  value: NftValue,
  where: string,
): DatumRange | undefined {
  if (typeof value === 'number' || tryDatum(row, value) !== undefined) return undefined;
  const slash = value.indexOf('/');
  if (slash > 0 && (row.form === 'ipv4' || row.form === 'ipv6')) {
    const first = encodeDatum(row, value.slice(0, slash), where);
    return prefixRange(first, prefixLength(value.slice(slash + 1), row.bytes * 8, where, value));
  }
  for (let at = value.indexOf('-', 1); at > 0; at = value.indexOf('-', at + 1)) {
    const from = tryDatum(row, value.slice(0, at));
    const to = tryDatum(row, value.slice(at + 1));
    if (from === undefined || to === undefined || isWild(row, value)) continue;
    if (Buffer.compare(ordered(row, from), ordered(row, to)) > 0) {
      throw bad(`${where}: "${value}": the range must begin with its lower end`);
    }
    return { from, to };
  }
  return undefined;
}

/** Returns `10.0.0.0/8`, `80-90` or `80`. The ends are in the order of {@link ordered}. */
export function rangeText(row: NftTypeRow, from: Buffer, to: Buffer): NftValue {
  const [first, last] = [ordered(row, from), ordered(row, to)];
  if (first.equals(last)) return decodeDatum(row, first);
  if (row.form === 'ipv4' || row.form === 'ipv6') {
    const length = commonPrefix(from, to);
    if (length !== undefined) return `${decodeDatum(row, from)}/${length}`;
  }
  return `${numberText(row, first)}-${numberText(row, last)}`;
}

/** The kernel compares byte by byte: numbers of the machine's order are turned round for ranges. */
export function ordered(row: NftTypeRow, bytes: Buffer): Buffer {
  return row.form === 'host' && LITTLE_ENDIAN ? Buffer.from(bytes).reverse() : bytes;
}

/** Returns the mask of a network's bits. */
export function prefixMask(bytes: number, length: number): Buffer {
  return Buffer.from(
    Array.from({ length: bytes }, (_, i) => {
      const bits = Math.max(0, Math.min(8, length - i * 8));
      return (0xff00 >> bits) & 0xff;
    }),
  );
}

/** Returns the number of leading ones; undefined when others follow. */
export function maskLength(mask: Buffer): number | undefined {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const length = bits.indexOf('0') === -1 ? bits.length : bits.indexOf('0');
  return bits.includes('1', length) ? undefined : length;
}

/** Encodes a number in the type's byte order. */
export function encodeNumber(row: NftTypeRow, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(row.bytes);
  let rest = BigInt(value);
  for (let i = row.bytes - 1; i >= 0; i -= 1) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return ordered(row, bytes);
}

function tryDatum(row: NftTypeRow, value: NftValue): Buffer | undefined {
  switch (row.form) {
    case 'ipv4':
    case 'ipv6': {
      const bytes = encodeAddress(String(value));
      return bytes?.length === row.bytes ? bytes : undefined;
    }
    case 'ether':
      return /^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(String(value))
        ? Buffer.from(String(value).replaceAll(':', ''), 'hex')
        : undefined;
    case 'text':
      return encodeText(String(value), row.bytes);
    case 'hex': {
      const bytes = Buffer.from(String(value), 'hex');
      return bytes.length === row.bytes ? bytes : undefined;
    }
    case 'network':
    case 'host': {
      const number = numberOf(row, value);
      return number === undefined ? undefined : encodeNumber(row, number);
    }
  }
}

function encodeText(value: string, size: number): Buffer | undefined {
  if (value === '' || /["\s/]|\p{Cc}/u.test(value) || Buffer.byteLength(value) >= size) {
    return undefined;
  }
  if (value.endsWith('*')) return value.length === 1 ? undefined : Buffer.from(value.slice(0, -1));
  const whole = Buffer.alloc(size);
  whole.write(value);
  return whole;
}

function decodeText(bytes: Buffer, size: number): string {
  const end = bytes.indexOf(0);
  if (end === -1 && bytes.length < size) return `${bytes.toString()}*`;
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

function numberOf(row: NftTypeRow, value: NftValue): bigint | undefined {
  const most = 1n << BigInt(row.bytes * 8);
  if (typeof value === 'number') {
    return Number.isInteger(value) && value >= 0 && BigInt(value) < most
      ? BigInt(value)
      : undefined;
  }
  if (/^(0x[\da-f]+|\d+)$/i.test(value)) {
    const number = BigInt(value);
    return number < most ? number : undefined;
  }
  const { symbols } = row;
  if (symbols === undefined) return undefined;
  const names = row.isBits === true ? value.split(',') : [value];
  let all = 0n;
  for (const name of names) {
    if (!Object.hasOwn(symbols, name)) return undefined;
    all |= BigInt(symbols[name] ?? 0);
  }
  return all;
}

function readNumber(row: NftTypeRow, bytes: Buffer): bigint {
  const text = ordered(row, bytes).toString('hex');
  return text === '' ? 0n : BigInt(`0x${text}`);
}

function symbolOf(row: NftTypeRow, number: bigint): NftValue {
  const { symbols = {}, isBits } = row;
  const entries = Object.entries(symbols);
  if (isBits === true && number !== 0n) {
    const names = entries.filter(([, bit]) => (number & BigInt(bit)) !== 0n);
    const all = names.reduce((sum, [, bit]) => sum | BigInt(bit), 0n);
    if (all === number) return names.map(([name]) => name).join(',');
  } else if (isBits !== true) {
    const found = entries.find(([, value]) => BigInt(value) === number);
    if (found !== undefined) return found[0];
  }
  return plainNumber(number);
}

function plainNumber(number: bigint): NftValue {
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : String(number);
}

function numberText(row: NftTypeRow, bytes: Buffer): NftValue {
  if (row.form !== 'network' && row.form !== 'host') return decodeDatum(row, bytes);
  return plainNumber(readNumber(row, bytes));
}

function isWild(row: NftTypeRow, value: string): boolean {
  return row.form === 'text' || row.form === 'hex' || value === '*';
}

function prefixLength(text: string, most: number, where: string, value: string): number {
  const length = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (length <= most) return length;
  throw bad(`${where}: "${value}": the prefix must be a number from 0 to ${most}`);
}

function prefixRange(first: Buffer, length: number): DatumRange {
  const mask = prefixMask(first.length, length);
  return {
    from: Buffer.from(first.map((byte, i) => byte & (mask[i] ?? 0))),
    to: Buffer.from(first.map((byte, i) => byte | (~(mask[i] ?? 0) & 0xff))),
  };
}

function commonPrefix(from: Buffer, to: Buffer): number | undefined {
  const differs = Buffer.from(from.map((byte, i) => ~(byte ^ (to[i] ?? 0)) & 0xff));
  const length = maskLength(differs);
  if (length === undefined) return undefined;
  const { from: first, to: last } = prefixRange(from, length);
  return first.equals(from) && last.equals(to) ? length : undefined;
}

function allowed(row: NftTypeRow): string {
  switch (row.form) {
    case 'ipv4':
      return 'an IPv4 address, or where ranges are possible a network or a range';
    case 'ipv6':
      return 'an IPv6 address, or where ranges are possible a network or a range';
    case 'ether':
      return 'a hardware address such as 00:11:22:33:44:55';
    case 'text':
      return `a name of at most ${row.bytes - 1} bytes without blanks and quotes`;
    case 'hex':
      return `${row.bytes} bytes in hexadecimal`;
    case 'network':
    case 'host': {
      const names = Object.keys(row.symbols ?? {});
      const list = names.length === 0 ? '' : ` or one of ${names.join(', ')}`;
      return `a number from 0 to ${(1n << BigInt(row.bytes * 8)) - 1n}${list}`;
    }
  }
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
