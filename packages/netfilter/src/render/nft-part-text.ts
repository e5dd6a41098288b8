import { datumRange, encodeDatum } from '../codec/nft-datum.js';
import { fieldName, type ResolvedPart, resolvePart } from '../codec/nft-parts.js';
import type { NftTypeRow } from '../model/nft-types.js';
import type { NftElement, NftFamily, NftKeyPart, NftValue, NftVerdict } from '../model/nftables.js';

export function partsText(key: readonly NftKeyPart[], family: NftFamily): string {
  return key.map((part) => partText(part, family)).join(' . ');
}

/** @throws {NetfilterError} `NETFILTER_VALUE` for names that are no fields */
export function partText(part: NftKeyPart, family: NftFamily): string {
  if (typeof part === 'string') {
    resolvePart(part, family);
    return fieldName(part, family);
  }
  if ('random' in part) return `numgen random mod ${part.random}`;
  if ('hash' in part) {
    if (part.hash.length === 0) return `symhash mod ${part.below}`;
    const seed = part.seed === undefined ? '' : ` seed ${hex(part.seed)}`;
    return `jhash ${partsText(part.hash, family)} mod ${part.below}${seed}`;
  }
  if ('fib' in part)
    return `fib ${part.by.join(' . ')} ${part.fib === 'exists' ? 'oif' : part.fib}`;
  const { base, offset, bytes } = part;
  return `@${BASE_NAMES[base]},${offset * 8},${bytes * 8}`;
}

const BASE_NAMES = { link: 'll', network: 'nh', transport: 'th', inner: 'ih' } as const;

/** Text of a value that is checked first, so that it cannot end the rule. */
export function valueText({ row, where }: ResolvedPart, value: NftValue): string {
  if (datumRange(row, value, where) === undefined) encodeDatum(row, value, where);
  return plainText(row, value);
}

/** Text of bits for operators: `(syn|ack)`. */
export function bitsText(part: ResolvedPart, value: NftValue): string {
  const text = valueText(part, value);
  return text.includes(',') ? `(${text.replaceAll(',', '|')})` : text;
}

function plainText(row: NftTypeRow, value: NftValue): string {
  return row.form === 'text' ? `"${value}"` : String(value);
}

/** `{ 22 : accept, 80-90 : jump web }` */
export function inlineText(
  key: readonly ResolvedPart[],
  elements: readonly NftElement[],
  data: readonly ResolvedPart[],
): string {
  const items = elements.map((element) => {
    const text = keyText(key, element.key);
    if (element.data === undefined) return text;
    if ('kind' in element.data) return `${text} : ${verdictText(element.data)}`;
    const values = element.data.map((value, i) => {
      const part = data[i];
      return part === undefined ? String(value) : valueText(part, value);
    });
    return `${text} : ${values.join(' . ')}`;
  });
  return `{ ${items.join(', ')} }`;
}

function keyText(key: readonly ResolvedPart[], values: readonly NftValue[]): string {
  if (values[0] === '*') return '*';
  return key.map((part, i) => valueText(part, values[i] ?? '')).join(' . ');
}

export function verdictText(verdict: NftVerdict): string {
  return 'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}

export function hex(bits: NftValue): string {
  return `0x${Number(bits).toString(16).padStart(8, '0')}`;
}
