import { NetfilterError } from '../model/errors.js';
import type { NftMatch, NftOperator } from '../model/nft-steps.js';
import type { NftTypeRow } from '../model/nft-types.js';
import type { NftKeyPart, NftStep, NftValue } from '../model/nftables.js';
import { datumRange, encodeDatum, encodeNumber, ordered, prefixMask } from './nft-datum.js';
import type { ExpressionWriter } from './nft-expression-writer.js';
import { CMP } from './nft-expressions.js';
import type { ResolvedPart } from './nft-parts.js';

type Write = (step: NftStep) => void;

export function writeMatch(writer: ExpressionWriter, match: NftMatch, write: Write): void {
  const { field, value } = match;
  const parts: readonly NftKeyPart[] = isList(field) ? field : [field];
  const [only] = writer.load(parts, write);
  if (only === undefined) throw bad('match: field: at least one');
  if (value === undefined) return writeLookup(writer, match, only);
  if (parts.length > 1) throw bad(`${only.where}: several fields need a list or a set`);
  writeValue(writer, match, only, value);
  writer.learn(match);
}

function writeValue(
  writer: ExpressionWriter,
  { mask, op }: NftMatch,
  { row, field, where }: ResolvedPart,
  value: NftValue,
): void {
  const operator = op ?? '==';
  const place = field?.place;
  if (place?.from === 'payload' && place.mask !== undefined) {
    if (mask !== undefined) throw bad(`${where}: mask: not for parts of a byte`);
    return writeBits(writer, { ...place, mask: place.mask }, { row, value, op: operator, where });
  }
  if (mask !== undefined) {
    requireEquality(operator, `${where}: mask`);
    writer.bitwise(encodeDatum(row, mask, where), Buffer.alloc(row.bytes));
    return writer.compare(encodeDatum(row, value, where), operator);
  }
  const range = datumRange(row, value, where);
  if (range !== undefined) {
    requireEquality(operator, `${where}: "${value}"`);
    const length = String(value).includes('/') ? Number(String(value).split('/')[1]) : undefined;
    if (length !== undefined) {
      writer.bitwise(prefixMask(row.bytes, length), Buffer.alloc(row.bytes));
      return writer.compare(range.from, operator);
    }
    turnRound(writer, row);
    const [from, to] = [ordered(row, range.from), ordered(row, range.to)];
    if (operator === '==') {
      writer.compare(from, '>=');
      return writer.compare(to, '<=');
    }
    return writer.add('range', {
      source: 1,
      operator: CMP['!='],
      from: { value: from },
      to: { value: to },
    });
  }
  const bytes = encodeDatum(row, value, where);
  if (row.isBits === true && (op === undefined || op === '!')) {
    writer.bitwise(bytes, Buffer.alloc(row.bytes));
    return writer.compare(Buffer.alloc(row.bytes), op === '!' ? '==' : '!=');
  }
  if (operator === '==' || operator === '!=') return writer.compare(bytes, operator);
  if (operator === '!') throw bad(`${where}: op "!": only for bits, such as ct state`);
  if (row.form === 'text') throw bad(`${where}: op "${operator}": names have no order`);
  turnRound(writer, row);
  writer.compare(ordered(row, bytes), operator);
}

/** Compares some bits of the loaded bytes. */
function writeBits(
  writer: ExpressionWriter,
  place: Readonly<{ bytes: number; mask: number; shift?: number }>,
  {
    row,
    value,
    op,
    where,
  }: Readonly<{ row: NftTypeRow; value: NftValue; op: NftOperator; where: string }>,
): void {
  const { mask, shift = 0, bytes } = place;
  const whole: NftTypeRow = { id: 0, bytes, form: 'network' };
  if (op === '!') throw bad(`${where}: op "!": only for bits, such as ct state`);
  const shifted = shiftedValue(place, row, value, where);
  writer.bitwise(encodeNumber(whole, mask), Buffer.alloc(bytes));
  writer.compare(encodeNumber(whole, shifted << BigInt(shift)), op);
}

/** @throws {NetfilterError} `NETFILTER_VALUE` when the value has more bits than the field */
function shiftedValue(
  { mask, shift = 0 }: Readonly<{ mask: number; shift?: number }>,
  row: NftTypeRow,
  value: NftValue,
  where: string,
): bigint {
  if (datumRange(row, value, where) !== undefined) {
    throw bad(`${where}: "${value}": no ranges of parts of a byte`);
  }
  const number = BigInt(`0x${encodeDatum(row, value, where).toString('hex')}`);
  const most = BigInt(mask >>> shift);
  if (number <= most) return number;
  throw bad(`${where}: "${value}" must be at most ${most}`);
}

function writeLookup(writer: ExpressionWriter, match: NftMatch, first: ResolvedPart): void {
  const { set, anyOf, op = '==', mask } = match;
  requireEquality(op, `${first.where}: lists and sets`);
  if (mask !== undefined) throw bad(`${first.where}: mask: not with lists and sets`);
  const place = first.field?.place;
  if (place?.from === 'payload' && place.mask !== undefined) {
    throw bad(`${first.where}: no lists and sets of parts of a byte`);
  }
  const flags = op === '!=' ? { flags: 1 } : {};
  if (set !== undefined) return writer.add('lookup', { set, source: 1, ...flags });
  if (anyOf === undefined) throw bad(`${first.where}: one of value, anyOf and set is needed`);
  const isWide = anyOf.some(
    (value) => !isList(value) && datumRange(first.row, value, first.where) !== undefined,
  );
  if (isWide) turnRound(writer, first.row);
  writer.add('lookup', { ...writer.takeSet(), source: 1, ...flags });
}

/** Numbers of the machine's order are turned round before they are compared by size. */
function turnRound(writer: ExpressionWriter, row: NftTypeRow): void {
  if (row.form !== 'host' || row.bytes === 1) return;
  const size = row.bytes === 2 ? 2 : row.bytes === 8 ? 8 : 4;
  writer.add('byteorder', { source: 1, register: 1, operator: 1, length: row.bytes, size });
}

function requireEquality(op: NftOperator, what: string): asserts op is '==' | '!=' {
  if (op === '==' || op === '!=') return;
  throw bad(`${what}: op "${op}": must be == or !=`);
}

/** Narrows lists that TypeScript's own guard does not, because they are read-only. */
export function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
