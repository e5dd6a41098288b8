import { type ByteWriter, encodeAddress } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import {
  type NftFamily,
  type NftType,
  type NftValue,
  PROTOCOL_NUMBERS,
} from '../model/nftables.js';
import { decodeDatum, encodeDatum, typeRow } from './nft-datum.js';

/** Number of bytes on the wire, before padding to whole 32-bit cells. */
export function typeSize(type: NftType, family: NftFamily): number {
  return typeRow(type, family).bytes;
}

/** Concatenations put each field into whole 32-bit cells; a single field has its own size. */
export function keySize(types: readonly NftType[], family: NftFamily): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return typeSize(only, family);
  return types.reduce((sum, type) => sum + ((typeSize(type, family) + 3) & ~3), 0);
}

/** Six bits per field, the first field highest: `nft list` reads the types from this number. */
export function typeId(types: readonly NftType[], family: NftFamily): number {
  return types.reduce((id, type) => id * 64 + typeRow(type, family).id, 0);
}

/** Writes the fields in the kernel's form. @throws {NetfilterError} `NETFILTER_VALUE` */
export function writeFields(
  out: ByteWriter,
  types: readonly NftType[],
  values: readonly NftValue[],
  family: NftFamily,
): void {
  const padded = types.length > 1;
  for (let i = 0; i < types.length; i += 1) {
    const value = values[i];
    switch (types[i]) {
      case 'address':
        writeAddress(out, value);
        break;
      case 'protocol':
        out.u8(protocolNumber(value));
        if (padded) out.zeros(3);
        break;
      case 'port':
        out.u16be(Number(value));
        if (padded) out.zeros(2);
        break;
      case 'index':
        out.u32(Number(value));
        break;
      case undefined:
        break;
      default:
        writeOther(out, types[i] ?? 'index', { value: values[i] ?? '', family, padded });
    }
  }
}

function writeOther(
  out: ByteWriter,
  type: NftType,
  { value, family, padded }: Readonly<{ value: NftValue; family: NftFamily; padded: boolean }>,
): void {
  const row = typeRow(type, family);
  const bytes = encodeDatum(row, value, `element of type ${type}`);
  out.bytes(bytes);
  const rest = row.bytes - bytes.length;
  out.zeros(rest + (padded ? -row.bytes & 3 : 0));
}

/** Reads fields written by {@link writeFields}. @throws {NetfilterError} `NETFILTER_PARSE` */
export function readFields(
  types: readonly NftType[],
  bytes: Buffer,
  family: NftFamily,
): NftValue[] {
  if (bytes.length < keySize(types, family)) {
    const message = `nft element: ${bytes.length} bytes for ${types.join(' . ')}`;
    throw new NetfilterError('NETFILTER_PARSE', message);
  }
  const values: NftValue[] = [];
  let at = 0;
  for (const type of types) {
    const row = typeRow(type, family);
    values.push(decodeDatum(row, bytes.subarray(at, at + row.bytes)));
    at += (row.bytes + 3) & ~3;
  }
  return values;
}

/**
 * Returns the number of a protocol name, or the number itself. @throws {NetfilterError}
 * `NETFILTER_VALUE`
 */
export function protocolNumber(value: NftValue | undefined): number {
  const number = PROTOCOL_NUMBERS[String(value)] ?? Number(value);
  if (Number.isInteger(number) && number >= 0 && number < 256) return number;
  throw new NetfilterError('NETFILTER_VALUE', `nft: "${value}" is not a protocol`);
}

function writeAddress(out: ByteWriter, value: NftValue | undefined): void {
  if (typeof value === 'string' && !value.includes(':')) {
    const dotted = fastIPv4(value);
    if (dotted >= 0) {
      out.u32be(dotted);
      return;
    }
  }
  const bytes = encodeAddress(String(value));
  if (bytes === undefined) {
    throw new NetfilterError('NETFILTER_VALUE', `nft: "${value}" is not an address`);
  }
  out.bytes(bytes);
}

/**
 * A cold start writes a quarter of a million addresses. @returns −1 when the text is not an IPv4
 * address
 */
function fastIPv4(text: string): number {
  let value = 0;
  let part = 0;
  let dots = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (digits === 0 || part > 255) return -1;
      value = value * 256 + part;
      part = 0;
      digits = 0;
      dots += 1;
    } else if (code >= 48 && code <= 57) {
      part = part * 10 + code - 48;
      digits += 1;
    } else return -1;
  }
  return dots === 3 && digits > 0 && part < 256 ? value * 256 + part : -1;
}
