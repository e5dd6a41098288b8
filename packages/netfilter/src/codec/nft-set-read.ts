import { type AttrValues, decodeAttrs, LITTLE_ENDIAN } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import type { NftObjectType } from '../model/nft-steps.js';
import { NFT_TYPES, type NftTypeName, type NftTypeRow, nftTypeRow } from '../model/nft-types.js';
import type { NftElement, NftFamily, NftSet, NftType, NftValue } from '../model/nftables.js';
import {
  type ELEMENT_ATTRS,
  ELEMENT_FLAGS,
  OBJECT_TYPES,
  SET_ATTRS,
  SET_FLAGS,
} from './nft-attrs.js';
import { decodeDatum, ordered, rangeText, typeRow } from './nft-datum.js';
import { splitExpression } from './nft-split.js';
import { readStateful } from './nft-statement-read.js';
import { readComment, readOther, readUdata, UDATA } from './nft-udata.js';
import { keySize, readFields } from './nft-value.js';
import { decodeVerdict } from './nft-verdict.js';

type ElementValues = AttrValues<typeof ELEMENT_ATTRS>;

/** A set as the kernel describes it. */
export interface ReadSet {
  readonly table: string;
  readonly set: NftSet;
  readonly handle: number;
  readonly isAnonymous: boolean;
}

/** @param attributes those of the message, after struct nfgenmsg */
export function readSet(attributes: Buffer): ReadSet {
  const values = decodeAttrs(SET_ATTRS, attributes);
  const { table = '', name = '', flags = 0, timeoutMs = 0n, desc, handle = 0n } = values;
  const userdata = values.userdata === undefined ? undefined : Buffer.from(values.userdata);
  const key = typesOf(values.keyType, values.keySize, isHost(userdata, UDATA.keyByteOrder));
  const data = dataOf(values, isHost(userdata, UDATA.dataByteOrder));
  const comment = readComment(userdata, UDATA.comment);
  const other = readOther(userdata);
  const named = FLAGS.filter((flag) => (flags & SET_FLAGS[flag]) !== 0);
  const each = (values.expressions ?? (values.expression ? [values.expression] : [])).map((bytes) =>
    readStateful(splitExpression(Buffer.from(bytes))),
  );
  const set: NftSet = {
    name,
    key,
    ...(data !== undefined && { data }),
    ...(named.length > 0 && { flags: named }),
    ...(timeoutMs !== 0n && { timeoutMs: Number(timeoutMs) }),
    ...(desc?.size !== undefined && { size: desc.size }),
    ...(comment !== undefined && { comment }),
    ...(each.length > 0 && { each }),
    ...(other !== undefined && { userData: other }),
  };
  return { table, set, handle: Number(handle), isAnonymous: (flags & SET_FLAGS.anonymous) !== 0 };
}

const FLAGS = ['constant', 'interval', 'timeout', 'dynamic'] as const;

function isHost(userdata: Buffer | undefined, type: number): boolean {
  const bytes = readUdata(userdata, type);
  if (bytes?.length !== 4) return false;
  return (LITTLE_ENDIAN ? bytes.readUInt32LE() : bytes.readUInt32BE()) === 1;
}

function dataOf(values: AttrValues<typeof SET_ATTRS>, isHostOrder: boolean): NftSet['data'] {
  const { flags = 0, dataType, dataSize, objectType } = values;
  if ((flags & SET_FLAGS.object) !== 0) {
    const found = Object.entries(OBJECT_TYPES).find(([, number]) => number === objectType);
    return { object: (found?.[0] ?? 'counter') as NftObjectType };
  }
  if ((flags & SET_FLAGS.map) === 0) return undefined;
  if (dataSize === undefined || dataSize === 0 || (dataType ?? 0) >= FIRST_VERDICT_TYPE) {
    return 'verdict';
  }
  return typesOf(dataType, dataSize, isHostOrder);
}

const FIRST_VERDICT_TYPE = 0xffffff00;

/** `nft` has one number for integers of every size. */
const INTEGER = 4;

const BY_ID = new Map<number, NftTypeName>();
for (const name of Object.keys(NFT_TYPES) as NftTypeName[]) {
  const { id } = nftTypeRow(name);
  if (id !== INTEGER) BY_ID.set(id, name);
}

function typesOf(id = 0, size = 0, isHostOrder = false): readonly NftType[] {
  const types: NftType[] = [];
  for (let rest = id; rest > 0; rest = Math.floor(rest / 64)) {
    const name = BY_ID.get(rest % 64);
    if (name === undefined) break;
    types.unshift(name);
  }
  if (types.length > 0 && keySize(types, 'inet') === size) return types;
  if (id === INTEGER) {
    const name = isHostOrder ? `host${size * 8}` : `integer${size * 8}`;
    if (Object.hasOwn(NFT_TYPES, name)) return [name as NftTypeName];
  }
  return [`type ${id}, ${size} bytes`];
}

/** Reads the elements of one set, all parts of the dump together. */
export function readElements(
  elements: readonly ElementValues[],
  set: NftSet,
  family: NftFamily,
): readonly NftElement[] {
  if (set.flags?.includes('interval') !== true) {
    return elements.map((element) => readElement(element, set, family));
  }
  return set.key.length > 1
    ? elements.map((element) => readWideElement(element, set, family))
    : readIntervals(elements, set, family);
}

function readElement(element: ElementValues, set: NftSet, family: NftFamily): NftElement {
  return { key: readKey(element, set, family), ...restOf(element, set, family) };
}

function readKey(element: ElementValues, set: NftSet, family: NftFamily): readonly NftValue[] {
  if (isCatchAll(element)) return ['*'];
  return readFields(set.key, bytesOf(element.key?.value), family);
}

function isCatchAll({ flags = 0 }: ElementValues): boolean {
  return (flags & ELEMENT_FLAGS.catchAll) !== 0;
}

function restOf(
  element: ElementValues,
  { data: type }: NftSet,
  family: NftFamily,
): Omit<NftElement, 'key'> {
  const { data, object, timeoutMs = 0n, userdata } = element;
  const comment = readComment(userdata, UDATA.elementComment);
  const more = {
    ...(timeoutMs !== 0n && { timeoutMs: Number(timeoutMs) }),
    ...(comment !== undefined && { comment }),
  };
  if (type === undefined) return more;
  if (type === 'verdict') return { data: decodeVerdict(data?.verdict), ...more };
  if ('object' in type) return { data: object === undefined ? [] : [object], ...more };
  return { data: readFields(type, bytesOf(data?.value), family), ...more };
}

function bytesOf(value: Uint8Array | undefined): Buffer {
  if (value !== undefined) return Buffer.from(value);
  throw new NetfilterError('NETFILTER_PARSE', 'nft element: it has no value');
}

/** Each part of the key has two ends. */
function readWideElement(element: ElementValues, set: NftSet, family: NftFamily): NftElement {
  if (isCatchAll(element)) return readElement(element, set, family);
  const from = bytesOf(element.key?.value);
  const to = element.keyEnd?.value === undefined ? from : bytesOf(element.keyEnd.value);
  let at = 0;
  const key = set.key.map((type) => {
    const row = typeRow(type, family);
    const [first, last] = [from.subarray(at, at + row.bytes), to.subarray(at, at + row.bytes)];
    at += (row.bytes + 3) & ~3;
    return textOf(row, first, last);
  });
  return { key, ...restOf(element, set, family) };
}

/** Pairs beginnings with the ends that follow them; an end lies behind the last key. */
function readIntervals(
  elements: readonly ElementValues[],
  set: NftSet,
  family: NftFamily,
): readonly NftElement[] {
  const [type] = set.key;
  if (type === undefined) return [];
  const row = typeRow(type, family);
  const special = elements.filter(isCatchAll).map((one) => readElement(one, set, family));
  const ends = elements
    .filter((one) => !isCatchAll(one))
    .map((one) => ({
      at: bytesOf(one.key?.value),
      one,
      isEnd: ((one.flags ?? 0) & ELEMENT_FLAGS.intervalEnd) !== 0,
    }))
    .toSorted((a, b) => Buffer.compare(a.at, b.at) || Number(b.isEnd) - Number(a.isEnd));
  const found: NftElement[] = [];
  let open: (typeof ends)[number] | undefined;
  const close = (last: Buffer): void => {
    if (open === undefined) return;
    found.push({ key: [textOf(row, open.at, last)], ...restOf(open.one, set, family) });
    open = undefined;
  };
  for (const end of ends) {
    close(before(end.at));
    if (!end.isEnd) open = end;
  }
  close(Buffer.alloc(row.bytes, 0xff));
  return [...found, ...special];
}

function before(bytes: Buffer): Buffer {
  const previous = Buffer.from(bytes);
  for (let i = previous.length - 1; i >= 0; i -= 1) {
    previous[i] = ((previous[i] ?? 0) - 1) & 0xff;
    if (previous[i] !== 0xff) break;
  }
  return previous;
}

/** The ends are in the order in which they are compared. */
function textOf(row: NftTypeRow, from: Buffer, to: Buffer): NftValue {
  if (row.form !== 'text') return rangeText(row, from, to);
  if (from.equals(to)) return decodeDatum(row, from);
  return `${decodeDatum(row, ordered(row, from))}*`;
}
