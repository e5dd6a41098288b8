import {
  type AttrValues,
  type ByteWriter,
  NLA_F_NESTED,
  writeAttr,
  writeAttrs,
} from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import type { NftElement, NftFamily, NftSet, NftType } from '../model/nftables.js';
import type { SET_ATTRS } from './nft-attrs.js';
import {
  DATA_ATTRS,
  ELEMENT_ATTRS,
  ELEMENT_FLAGS,
  ELEMENT_IDS,
  LIST_ITEM,
  OBJECT_TYPES,
  SET_FLAGS,
  VERDICT_TYPE,
} from './nft-attrs.js';
import { datumRange, encodeDatum, ordered, typeRow } from './nft-datum.js';
import { hostU32, verdictValues } from './nft-expression-writer.js';
import { statefulBytes } from './nft-step-write.js';
import { commentData, UDATA, udata } from './nft-udata.js';
import { keySize, typeId, typeSize, writeFields } from './nft-value.js';

type SetAttrs = AttrValues<typeof SET_ATTRS>;

/** The attributes of a set, without its table and its id within the batch. */
export function setValues(set: NftSet, family: NftFamily, isAnonymous = false): SetAttrs {
  const { name, key, data, timeoutMs, comment, size, each = [] } = set;
  const flags = setFlags(set) | (isAnonymous ? SET_FLAGS.anonymous : 0);
  const isConcat = key.length > 1 && (flags & SET_FLAGS.interval) !== 0;
  checkOrder(set, family, isAnonymous);
  const userdata = [
    udata(UDATA.keyByteOrder, hostU32(byteOrder(key, family))),
    ...(Array.isArray(data)
      ? [udata(UDATA.dataByteOrder, hostU32(byteOrder(data as readonly NftType[], family)))]
      : []),
    ...(comment === undefined ? [] : [commentData(UDATA.comment, comment)]),
    Buffer.from(set.userData ?? '', 'hex'),
  ];
  return {
    name,
    flags: isConcat ? flags | SET_FLAGS.concatenation : flags,
    keyType: typeId(key, family),
    keySize: keySize(key, family),
    ...dataValues(data, family),
    ...((size !== undefined || isConcat) && {
      desc: {
        ...(size !== undefined && { size }),
        ...(isConcat && { concat: key.map((type) => ({ bytes: typeSize(type, family) })) }),
      },
    }),
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(timeoutMs) }),
    userdata: Buffer.concat(userdata),
    ...(each.length === 1 && { expression: each.map(statefulBytes)[0] }),
    ...(each.length > 1 && { expressions: each.map(statefulBytes) }),
  };
}

/** `nft` reads numbers and names in this order: 1 the machine's, 2 the network's, 0 for several parts. */
function byteOrder(types: readonly NftType[], family: NftFamily): number {
  const [only] = types;
  if (types.length > 1 || only === undefined) return 0;
  const { form } = typeRow(only, family);
  return form === 'host' || form === 'text' ? 1 : 2;
}

/** The bits of the set's flags, those that follow from other properties included. */
export function setFlags({ data, timeoutMs, flags }: NftSet): number {
  const kind = data === undefined ? 0 : isObject(data) ? SET_FLAGS.object : SET_FLAGS.map;
  const timeout = timeoutMs === undefined ? 0 : SET_FLAGS.timeout;
  if (flags === undefined) return kind | timeout | (timeout === 0 ? 0 : SET_FLAGS.dynamic);
  return flags.reduce((bits, flag) => {
    if (Object.hasOwn(SET_FLAGS, flag)) return bits | SET_FLAGS[flag];
    throw bad(`set flag "${flag}": must be one of constant, interval, timeout, dynamic`);
  }, kind | timeout);
}

/** Writes the elements of one set; what does not change between elements is worked out once. */
export class ElementWriter {
  readonly #out: ByteWriter;
  readonly #set: NftSet;
  readonly #family: NftFamily;
  readonly #types: readonly NftType[];
  readonly #data: readonly NftType[];
  readonly #isObject: boolean;
  readonly #isInterval: boolean;

  constructor(out: ByteWriter, set: NftSet, family: NftFamily) {
    const { data } = set;
    this.#out = out;
    this.#set = set;
    this.#family = family;
    this.#types = set.key;
    this.#isObject = isObject(data);
    this.#data = data === undefined || data === 'verdict' || isObject(data) ? [] : data;
    this.#isInterval = set.flags?.includes('interval') === true;
  }

  /** Written without attribute tables: a cold start writes hundreds of thousands of elements. */
  write(element: NftElement, withData: boolean): void {
    const { key, data, timeoutMs, comment } = element;
    if (this.#isInterval || (key.length === 1 && key[0] === '*'))
      return this.#writeRange(element, withData);
    const out = this.#out;
    const item = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
    const nest = out.beginAttr(ELEMENT_IDS.key | NLA_F_NESTED);
    const value = out.beginAttr(1);
    writeFields(out, this.#types, key, this.#family);
    out.endAttr(value);
    out.endAttr(nest);
    if (withData) {
      if (data !== undefined) this.#writeData(data);
      if (timeoutMs !== undefined || comment !== undefined) this.#writeMore(element);
    }
    out.endAttr(item);
  }

  #writeData(data: NonNullable<NftElement['data']>): void {
    const out = this.#out;
    if (this.#isObject) {
      const name = 'kind' in data ? data.kind : String(data[0]);
      return writeAttr(out, ELEMENT_ATTRS.object, name);
    }
    const nest = out.beginAttr(ELEMENT_IDS.data | NLA_F_NESTED);
    if ('kind' in data) writeAttrs(out, DATA_ATTRS, { verdict: verdictValues(data) });
    else {
      const value = out.beginAttr(1);
      writeFields(out, this.#data, data, this.#family);
      out.endAttr(value);
    }
    out.endAttr(nest);
  }

  #writeMore({ timeoutMs, comment }: NftElement): void {
    if (timeoutMs !== undefined) {
      writeAttr(this.#out, ELEMENT_ATTRS.timeoutMs, BigInt(timeoutMs));
    }
    if (comment !== undefined) {
      writeAttr(this.#out, ELEMENT_ATTRS.userdata, commentData(UDATA.elementComment, comment));
    }
  }

  /** Elements of sets with intervals have two ends. */
  #writeRange(element: NftElement, withData: boolean): void {
    const [from, to] = element.key[0] === '*' ? [undefined, undefined] : this.#ends(element);
    const out = this.#out;
    const isConcat = this.#set.key.length > 1;
    const item = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
    if (from === undefined) {
      writeAttr(out, ELEMENT_ATTRS.flags, ELEMENT_FLAGS.catchAll);
    } else {
      this.#key(ELEMENT_IDS.key, () => out.bytes(from));
      if (isConcat && !from.equals(to)) this.#key(ELEMENT_IDS.keyEnd, () => out.bytes(to));
    }
    if (withData) {
      if (element.data !== undefined) this.#writeData(element.data);
      this.#writeMore(element);
    }
    out.endAttr(item);
    if (isConcat || to === undefined) return;
    const end = afterLast(to);
    if (end === undefined) return; // nothing lies beyond
    const last = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
    writeAttr(out, ELEMENT_ATTRS.flags, ELEMENT_FLAGS.intervalEnd);
    this.#key(ELEMENT_IDS.key, () => out.bytes(end));
    out.endAttr(last);
  }

  #ends({ key }: NftElement): readonly [Buffer, Buffer] {
    const types = this.#set.key;
    if (key.length !== types.length) {
      throw bad(`element ${key.join(' . ')}: must have ${types.length} parts`);
    }
    const padded = types.length > 1;
    const ends = types.map((type, i): readonly [Buffer, Buffer] => {
      const row = typeRow(type, this.#family);
      const value = key[i] ?? '';
      const where = `element of type ${type}`;
      const range = datumRange(row, value, where);
      const one = range === undefined ? wild(encodeDatum(row, value, where), row.bytes) : undefined;
      const [from, to] = [one?.[0] ?? range?.from, one?.[1] ?? range?.to];
      const rest = Buffer.alloc(padded ? -row.bytes & 3 : 0);
      return [
        Buffer.concat([ordered(row, from ?? Buffer.alloc(0)), rest]),
        Buffer.concat([ordered(row, to ?? Buffer.alloc(0)), rest]),
      ];
    });
    return [Buffer.concat(ends.map(([from]) => from)), Buffer.concat(ends.map(([, to]) => to))];
  }

  #key(id: number, write: () => void): void {
    const out = this.#out;
    const nest = out.beginAttr(id | NLA_F_NESTED);
    const value = out.beginAttr(1);
    write();
    out.endAttr(value);
    out.endAttr(nest);
  }
}

/** Names that end in `*` stand for all that begin so. */
function wild(bytes: Buffer, size: number): readonly [Buffer, Buffer] {
  if (bytes.length >= size) return [bytes, bytes];
  return [
    Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]),
    Buffer.concat([bytes, Buffer.alloc(size - bytes.length, 0xff)]),
  ];
}

/** Returns the number after this one; undefined after the last. */
function afterLast(bytes: Buffer): Buffer | undefined {
  const next = Buffer.from(bytes);
  for (let i = next.length - 1; i >= 0; i -= 1) {
    next[i] = ((next[i] ?? 0) + 1) & 0xff;
    if (next[i] !== 0) return next;
  }
  return undefined;
}

function dataValues(data: NftSet['data'], family: NftFamily): SetAttrs {
  if (data === undefined) return {};
  if (data === 'verdict') return { dataType: VERDICT_TYPE, dataSize: 0 };
  if (isObject(data)) return { objectType: OBJECT_TYPES[data.object] };
  return { dataType: typeId(data, family), dataSize: keySize(data, family) };
}

/** Rules cannot know that a named set's keys were turned round. */
function checkOrder({ name, key, flags }: NftSet, family: NftFamily, isAnonymous: boolean): void {
  if (isAnonymous || flags?.includes('interval') !== true) return;
  for (const type of key) {
    const row = typeRow(type, family);
    if (row.form === 'host' && row.bytes > 1) {
      throw bad(
        `set ${name}: type ${type}: sets with intervals take no numbers of the machine's order`,
      );
    }
  }
}

export function isObject(
  data: NftSet['data'],
): data is Extract<NftSet['data'], { object: unknown }> {
  return typeof data === 'object' && 'object' in data;
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
