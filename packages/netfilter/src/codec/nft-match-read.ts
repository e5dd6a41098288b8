import type { NftMatch, NftOperator } from '../model/nft-steps.js';
import { type NftTypeRow, nftTypeRow } from '../model/nft-types.js';
import type { NftElement, NftFamily, NftKeyPart, NftValue } from '../model/nftables.js';
import type { NftFilledSet } from '../plan/nft-contents.js';
import type { RuleContext } from './nft-context.js';
import { decodeDatum, maskLength, ordered, rangeText } from './nft-datum.js';
import { CMP } from './nft-expressions.js';
import {
  type Loaded,
  type NamedPart,
  nameLoaded,
  payloadFields,
  Unreadable,
} from './nft-registers.js';

const OPERATORS = new Map<number, NftOperator>(
  Object.entries(CMP).map(([op, code]) => [code, op as NftOperator]),
);

export function operatorOf(code: number | undefined): NftOperator {
  const op = OPERATORS.get(code ?? -1);
  if (op === undefined) throw new Unreadable();
  return op;
}

/** Reads a comparison of what is loaded; one comparison can span several fields. */
export function readComparison(
  loaded: Loaded,
  op: NftOperator,
  data: Buffer,
  family: NftFamily,
  context: RuleContext,
): readonly NftMatch[] {
  const { mask, xor, payload, bytes } = loaded;
  if (xor?.some((byte) => byte !== 0) === true) throw new Unreadable();
  if (payload !== undefined && mask === undefined) {
    const special = readPartial(loaded, op, data, context) ?? readMerged(loaded, op, data, context);
    if (special !== undefined) return special;
  }
  const named = nameLoaded(loaded, family, context);
  const { part, row, shift } = named;
  const match = { kind: 'match', field: part } as const;
  if (shift !== undefined) {
    const number = BigInt(`0x${data.toString('hex')}`) >> BigInt(shift);
    const value = decodeDatum(row, Buffer.from([Number(number & 0xffn)]));
    return [{ ...match, ...sign(op), value }];
  }
  if (mask === undefined) {
    const value = decodeDatum(row, loaded.isTurned === true ? ordered(row, data) : data);
    if (row.form === 'text' && data.length < row.bytes && !String(value).endsWith('*')) {
      throw new Unreadable();
    }
    return [{ ...match, ...(row.isBits === true ? { op } : sign(op)), value }];
  }
  if (bytes !== mask.length || (op !== '==' && op !== '!=')) throw new Unreadable();
  if (row.isBits === true && isZero(data)) {
    const value = decodeDatum(row, mask);
    return [{ ...match, ...(op === '==' && { op: '!' }), value }];
  }
  if (row.form === 'ipv4' || row.form === 'ipv6') {
    const length = maskLength(mask);
    if (length === undefined) throw new Unreadable();
    const address = decodeDatum(row, data);
    const value = length === row.bytes * 8 ? address : `${address}/${length}`;
    return [{ ...match, ...sign(op), value }];
  }
  if (row.form !== 'network' && row.form !== 'host') throw new Unreadable();
  return [{ ...match, mask: decodeDatum(row, mask), ...sign(op), value: decodeDatum(row, data) }];
}

export function readRange(
  loaded: Loaded,
  op: NftOperator,
  [from, to]: readonly [Buffer, Buffer],
  family: NftFamily,
  context: RuleContext,
): NftMatch {
  const { part, row, shift } = nameLoaded(loaded, family, context);
  if (loaded.mask !== undefined || shift !== undefined) throw new Unreadable();
  if (row.form === 'host' && row.bytes > 1 && loaded.isTurned !== true) throw new Unreadable();
  return { kind: 'match', field: part, ...sign(op), value: rangeText(row, from, to) };
}

/** Reads a lookup without a result. */
export function readLookup(
  parts: readonly NamedPart[],
  op: NftOperator,
  name: string,
  set: NftFilledSet | undefined,
): NftMatch {
  const [only] = parts;
  const field: NftMatch['field'] =
    parts.length === 1 && only !== undefined ? only.part : parts.map(({ part }) => part);
  if (!isAnonymous(name)) return { kind: 'match', field, ...sign(op), set: name };
  if (set === undefined) throw new Unreadable();
  const anyOf = inOrder(set).map(({ key }) => (key.length === 1 ? (key[0] as NftValue) : key));
  return { kind: 'match', field, ...sign(op), anyOf };
}

/** The kernel gives the elements of a set in no order of its own. */
export function inOrder({ elements }: NftFilledSet): readonly NftElement[] {
  return [...elements]
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, element]) => element);
}

/** The kernel names the sets of lists so. */
export function isAnonymous(name: string): boolean {
  return /^__(set|map)(\d+|%d)/.test(name);
}

/** Returns the parts of a key; parts with masks cannot be written so. @throws {Unreadable} */
export function namedKey(
  loaded: readonly Loaded[],
  family: NftFamily,
  context: RuleContext,
): readonly NamedPart[] {
  return loaded.map((one) => {
    if (one.mask !== undefined || one.value !== undefined) throw new Unreadable();
    return nameLoaded(one, family, context);
  });
}

/** `nft` loads only the whole bytes of a network: `10.0.0.0/8` is one byte. */
function readPartial(
  { payload, bytes }: Loaded,
  op: NftOperator,
  data: Buffer,
  context: RuleContext,
): readonly NftMatch[] | undefined {
  if (payload === undefined || (op !== '==' && op !== '!=')) return undefined;
  for (const size of [4, 16]) {
    if (bytes >= size) continue;
    const [found] = payloadFields({ ...payload, bytes: size }, context);
    if (found === undefined) continue;
    const [field, { type }] = found;
    if (type !== 'ipv4_addr' && type !== 'ipv6_addr') continue;
    const row: NftTypeRow = { id: 0, bytes: size, form: size === 4 ? 'ipv4' : 'ipv6' };
    const whole = Buffer.concat([data, Buffer.alloc(size - bytes)]);
    const value = `${decodeDatum(row, whole)}/${bytes * 8}`;
    return [{ kind: 'match', field, ...sign(op), value }];
  }
  return undefined;
}

/** `nft` compares neighbouring fields in one step. */
function readMerged(
  { payload, bytes }: Loaded,
  op: NftOperator,
  data: Buffer,
  context: RuleContext,
): readonly NftMatch[] | undefined {
  if (payload === undefined || op !== '==') return undefined;
  if (payloadFields({ ...payload, bytes }, context).length > 0) return undefined;
  const matches: NftMatch[] = [];
  for (let at = 0; at < bytes;) {
    const next = [16, 6, 4, 2, 1].flatMap((size) =>
      payloadFields({ ...payload, offset: payload.offset + at, bytes: size }, context)
        .filter(([, { place }]) => place.from === 'payload' && place.mask === undefined)
        .map((found) => [size, ...found] as const),
    )[0];
    if (next === undefined || at + next[0] > bytes) return undefined;
    const [size, field, row] = next;
    const type = nftTypeRow(row.type);
    const value = decodeDatum(type, data.subarray(at, at + size));
    matches.push({ kind: 'match', field, ...(type.isBits === true && { op }), value });
    at += size;
  }
  return matches;
}

function sign(op: NftOperator): { op?: NftOperator } {
  return op === '==' ? {} : { op };
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Key parts of steps that look something up. */
export function keyParts(parts: readonly NamedPart[]): readonly NftKeyPart[] {
  return parts.map(({ part }) => part);
}
