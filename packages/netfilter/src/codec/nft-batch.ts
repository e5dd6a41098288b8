import {
  type AttrTable,
  type AttrValues,
  beginMessage,
  ByteWriter,
  endMessage,
  FLAG,
  LITTLE_ENDIAN,
  NLA_F_NESTED,
  writeAttr,
  writeAttrs,
} from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import {
  type NftElement,
  nftKeyText,
  type NftOperation,
  type NftSet,
  type NftTableName,
} from '../model/nftables.js';
import {
  BATCH_ATTRS,
  CHAIN_ATTRS,
  DATA_ATTRS,
  ELEMENT_LIST_ATTRS,
  ELEMENT_LIST_IDS,
  FAMILY_NUMBERS,
  HOOK_NUMBERS,
  LIST_ITEM,
  NFNL,
  NFT_MSG,
  RULE_ATTRS,
  SET_ATTRS,
  SET_FLAGS,
  TABLE_ATTRS,
  VERDICT_TYPE,
} from './nft-attrs.js';
import { verdictValues, writeExpressions } from './nft-rule.js';
import { keySize, typeId, writeFields } from './nft-value.js';

/**
 * An attribute is at most 64 KiB long; an element with a pair of IPv6 addresses takes less than 120
 * bytes.
 */
const ELEMENTS_PER_MESSAGE = 500;

/** User data of sets, which only `nft` reads. @see nftables include/nftnl udata.h */
const UDATA = { keyByteOrder: 0, comment: 7, ruleComment: 0 } as const;

const POLICY_ACCEPT = 1;

/**
 * Offset of the generation: after the header of the batch's first message, its nfgenmsg and the
 * attribute's header.
 */
const GENERATION_AT = 24;

/** A batch ready to send: all of it takes effect, or nothing. */
export interface NftBatch {
  /** Sequence numbers count from 0. Valid until the next batch is asked for. */
  readonly bytes: Buffer;
  readonly messages: number;
  /** Makes the kernel refuse the batch unless this is the current generation of its tables. */
  setGeneration(generation: number): void;
  /** Describes the operation behind a sequence number, for error messages. */
  describe(sequence: number): string;
}

export interface NftBatchOptions {
  readonly table: NftTableName;
  /** Batches are cut at `may-split` before they get longer than this. */
  readonly maxBytes: number;
}

/**
 * Encodes operations as nf_tables batches: a single one, unless it would get too long. Bytes are
 * written once into a buffer that all batches share.
 *
 * @throws {NetfilterError} `NETFILTER_VALUE` for values that the kernel cannot take
 */
export function* encodeNftBatches(
  operations: Iterable<NftOperation>,
  options: NftBatchOptions,
): Generator<NftBatch, void> {
  const writer = new BatchWriter(options);
  for (const operation of operations) {
    if (operation.op !== 'may-split') {
      writer.write(operation);
      continue;
    }
    if (writer.size < options.maxBytes / 2) continue;
    yield writer.finish();
    writer.begin();
  }
  if (!writer.isEmpty) yield writer.finish();
}

/** Returns the same bytes with sequence numbers from `first` on. */
export function renumber(bytes: Buffer, first: number): Buffer {
  let sequence = first;
  for (let at = 0; at < bytes.length;) {
    const size = LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    if (LITTLE_ENDIAN) bytes.writeUInt32LE(sequence, at + 8);
    else bytes.writeUInt32BE(sequence, at + 8);
    sequence += 1;
    at += (size + 3) & ~3;
  }
  return bytes;
}

class BatchWriter {
  readonly #out = new ByteWriter(16_384);
  readonly #options: NftBatchOptions;
  readonly #family: number;
  #sequence = 0;
  #notes: [sequence: number, text: () => string][] = [];

  constructor(options: NftBatchOptions) {
    this.#options = options;
    this.#family = FAMILY_NUMBERS[options.table.family];
    this.begin();
  }

  get size(): number {
    return this.#out.length;
  }

  get isEmpty(): boolean {
    return this.#sequence === 1;
  }

  begin(): void {
    this.#out.reset();
    this.#sequence = 0;
    this.#notes = [[0, () => 'the whole batch']];
    const at = this.#frame(NFNL.batchBegin);
    writeAttrs(this.#out, BATCH_ATTRS, { generation: 0 });
    endMessage(this.#out, at);
  }

  finish(): NftBatch {
    endMessage(this.#out, this.#frame(NFNL.batchEnd));
    const notes = this.#notes;
    const bytes = this.#out.view();
    return {
      bytes,
      setGeneration: (generation) => bytes.writeUInt32BE(generation, GENERATION_AT),
      messages: this.#sequence,
      describe: (sequence) => notes.findLast(([first]) => first <= sequence)?.[1]() ?? '',
    };
  }

  write(operation: Exclude<NftOperation, { op: 'may-split' }>): void {
    const { table } = this.#options;
    this.#note(operation);
    switch (operation.op) {
      case 'add-table':
        return this.#message(NFT_MSG.newTable, 0, TABLE_ATTRS, { name: table.name });
      case 'delete-table':
        return this.#message(NFT_MSG.deleteTable, 0, TABLE_ATTRS, { name: table.name });
      case 'add-chain': {
        const { name, base } = operation.chain;
        const hook = base && { number: HOOK_NUMBERS[base.hook], priority: base.priority };
        const more = base && { hook, policy: POLICY_ACCEPT, type: base.type };
        return this.#named(NFT_MSG.newChain, FLAG.create, CHAIN_ATTRS, { name, ...more });
      }
      case 'delete-chain':
        return this.#named(NFT_MSG.deleteChain, 0, CHAIN_ATTRS, { name: operation.chain });
      case 'flush-chain':
        return this.#named(NFT_MSG.deleteRule, 0, RULE_ATTRS, { chain: operation.chain });
      case 'add-rule':
        return this.#rule(operation);
      case 'add-set':
        return this.#set(operation.set);
      case 'delete-set':
        return this.#named(NFT_MSG.deleteSet, 0, SET_ATTRS, { name: operation.set });
      case 'flush-set':
        return this.#named(NFT_MSG.deleteElements, 0, ELEMENT_LIST_ATTRS, { set: operation.set });
      case 'add-elements':
      case 'delete-elements':
        return this.#elements(operation);
    }
  }

  /** The note does not hold on to the elements: there may be hundreds of thousands. */
  #note(operation: Exclude<NftOperation, { op: 'may-split' }>): void {
    const { table } = this.#options;
    if (!('elements' in operation)) {
      this.#notes.push([this.#sequence, () => describe(operation, table)]);
      return;
    }
    const { op, set, elements } = operation;
    const list = Array.isArray(elements) ? (elements as readonly NftElement[]) : [];
    const [shown, count] = [list.slice(0, EXAMPLES), list.length];
    const text = () => `${describe({ op, set, elements: [] }, table)}${examples(shown, count)}`;
    this.#notes.push([this.#sequence, text]);
  }

  #begin(message: number, flags: number): number {
    const type = NFNL.subsystem * 256 + message;
    const at = beginMessage(this.#out, type, FLAG.request | flags, this.#sequence);
    this.#sequence += 1;
    this.#header(this.#family, 0);
    return at;
  }

  #frame(type: number): number {
    const at = beginMessage(this.#out, type, FLAG.request, this.#sequence);
    this.#sequence += 1;
    this.#header(0, NFNL.subsystem);
    return at;
  }

  /** struct nfgenmsg. */
  #header(family: number, resource: number): void {
    this.#out.u8(family);
    this.#out.u8(0);
    this.#out.u16be(resource);
  }

  #message<T extends AttrTable>(type: number, flags: number, table: T, values: AttrValues<T>) {
    const at = this.#begin(type, flags);
    writeAttrs(this.#out, table, values);
    endMessage(this.#out, at);
  }

  #named<T extends AttrTable>(type: number, flags: number, table: T, values: AttrValues<T>): void {
    this.#message(type, flags, table, { table: this.#options.table.name, ...values });
  }

  #rule({ chain, rule }: Extract<NftOperation, { op: 'add-rule' }>): void {
    const { table } = this.#options;
    const at = this.#begin(NFT_MSG.newRule, FLAG.create | FLAG.append);
    writeAttrs(this.#out, RULE_ATTRS, { table: table.name, chain });
    writeExpressions(this.#out, rule, table.family);
    if (rule.comment !== undefined) {
      const userdata = comment(UDATA.ruleComment, rule.comment);
      writeAttr(this.#out, RULE_ATTRS.userdata, userdata);
    }
    endMessage(this.#out, at);
  }

  #set(set: NftSet): void {
    const { family } = this.#options.table;
    const { name, key, data, timeoutMs } = set;
    const userdata = [
      Buffer.from([UDATA.keyByteOrder, 4, 0, 0, 0, 0]),
      ...(set.comment === undefined ? [] : [comment(UDATA.comment, set.comment)]),
    ];
    this.#named(NFT_MSG.newSet, FLAG.create, SET_ATTRS, {
      name,
      flags:
        (data === undefined ? 0 : SET_FLAGS.map) |
        (timeoutMs === undefined ? 0 : SET_FLAGS.timeout | SET_FLAGS.dynamic),
      keyType: typeId(key, family),
      keySize: keySize(key, family),
      ...(data === 'verdict' && { dataType: VERDICT_TYPE, dataSize: 0 }),
      ...(data !== undefined &&
        data !== 'verdict' && { dataType: typeId(data, family), dataSize: keySize(data, family) }),
      // identifies the set within its batch
      id: this.#sequence,
      ...(timeoutMs !== undefined && { timeoutMs: BigInt(timeoutMs) }),
      userdata: Buffer.concat(userdata),
    });
  }

  #elements({ op, set, elements }: ElementOperation): void {
    const type = op === 'add-elements' ? NFT_MSG.newElements : NFT_MSG.deleteElements;
    const flags = op === 'add-elements' ? FLAG.create : 0;
    let count = 0;
    let message = 0;
    let list = 0;
    for (const element of elements) {
      if (count === 0) {
        message = this.#begin(type, flags);
        writeAttrs(this.#out, ELEMENT_LIST_ATTRS, {
          table: this.#options.table.name,
          set: set.name,
        });
        list = this.#out.beginAttr(ELEMENT_LIST_IDS.elements | NLA_F_NESTED);
      }
      this.#element(set, element, op === 'add-elements');
      count += 1;
      if (count < ELEMENTS_PER_MESSAGE) continue;
      this.#out.endAttr(list);
      endMessage(this.#out, message);
      count = 0;
    }
    if (count === 0) return;
    this.#out.endAttr(list);
    endMessage(this.#out, message);
  }

  /** Written without attribute tables: a cold start writes hundreds of thousands of elements. */
  #element(set: NftSet, { key, data }: NftElement, withData: boolean): void {
    const out = this.#out;
    const item = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
    const keyNest = out.beginAttr(1 | NLA_F_NESTED);
    const keyValue = out.beginAttr(1);
    writeFields(out, set.key, key);
    out.endAttr(keyValue);
    out.endAttr(keyNest);
    if (withData && data !== undefined) {
      const dataNest = out.beginAttr(2 | NLA_F_NESTED);
      if ('kind' in data) writeAttrs(out, DATA_ATTRS, { verdict: verdictValues(data) });
      else {
        const value = out.beginAttr(1);
        writeFields(out, typeof set.data === 'object' ? set.data : [], data);
        out.endAttr(value);
      }
      out.endAttr(dataNest);
    }
    out.endAttr(item);
  }
}

type ElementOperation = Extract<NftOperation, { op: 'add-elements' | 'delete-elements' }>;

const MAX_COMMENT = 127;

function comment(type: number, text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  if (bytes.length > MAX_COMMENT + 1) {
    const message = `nft: a comment has at most ${MAX_COMMENT} bytes: ${text}`;
    throw new NetfilterError('NETFILTER_VALUE', message);
  }
  return Buffer.concat([Buffer.from([type, bytes.length]), bytes]);
}

/** Text for error messages: `add element ip nat endpoints`. */
function describe(operation: NftOperation, { family, name }: NftTableName): string {
  const table = `${family} ${name}`;
  switch (operation.op) {
    case 'add-table':
    case 'delete-table':
      return `${operation.op.replace('-', ' ')} ${table}`;
    case 'add-chain':
      return `add chain ${table} ${operation.chain.name}`;
    case 'flush-chain':
    case 'delete-chain':
      return `${operation.op.replace('-', ' ')} ${table} ${operation.chain}`;
    case 'add-rule':
      return `add rule ${table} ${operation.chain}`;
    case 'add-set':
      return `add set ${table} ${operation.set.name}`;
    case 'flush-set':
    case 'delete-set':
      return `${operation.op.replace('-', ' ')} ${table} ${operation.set}`;
    case 'add-elements':
    case 'delete-elements':
      return `${operation.op.replace('-', ' ')} ${table} ${operation.set.name}`;
    case 'may-split':
      return '';
  }
}

/** Number of elements that an error message shows. */
const EXAMPLES = 3;

function examples(shown: readonly NftElement[], count: number): string {
  if (count === 0) return '';
  const keys = shown.map(({ key }) => nftKeyText(key)).join(', ');
  return ` { ${keys}${count > shown.length ? `, … ${count} in all` : ''} }`;
}
