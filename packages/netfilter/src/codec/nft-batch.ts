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
  type NftRule,
  type NftSet,
  type NftTableName,
} from '../model/nftables.js';
import {
  BATCH_ATTRS,
  CHAIN_ATTRS,
  ELEMENT_LIST_ATTRS,
  ELEMENT_LIST_IDS,
  FAMILY_NUMBERS,
  FLOWTABLE_ATTRS,
  NFNL,
  NFT_MSG,
  OBJECT_ATTRS,
  OBJECT_TYPES,
  RULE_ATTRS,
  SET_ATTRS,
  TABLE_ATTRS,
} from './nft-attrs.js';
import { describeOperation } from './nft-describe.js';
import type { AnonymousSet } from './nft-expression-writer.js';
import { inlineSets } from './nft-inline.js';
import { chainValues, flowtableValues, objectValues, tableValues } from './nft-object-write.js';
import { writeExpressions } from './nft-rule.js';
import { ElementWriter, setValues } from './nft-set-write.js';
import { commentData, UDATA } from './nft-udata.js';

/**
 * An attribute is at most 64 KiB long; an element with a pair of IPv6 addresses takes less than 120
 * bytes.
 */
const ELEMENTS_PER_MESSAGE = 500;

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

/** The table of a batch, and the size that the socket's send buffer allows. */
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
        return this.#message(NFT_MSG.newTable, 0, TABLE_ATTRS, {
          name: table.name,
          ...tableValues(operation),
        });
      case 'delete-table':
        return this.#message(NFT_MSG.deleteTable, 0, TABLE_ATTRS, { name: table.name });
      case 'add-chain': {
        const values = chainValues(operation.chain, table.family);
        return this.#named(NFT_MSG.newChain, FLAG.create, CHAIN_ATTRS, values);
      }
      case 'delete-chain':
        return this.#named(NFT_MSG.deleteChain, 0, CHAIN_ATTRS, { name: operation.chain });
      case 'flush-chain':
        return this.#named(NFT_MSG.deleteRule, 0, RULE_ATTRS, { chain: operation.chain });
      case 'add-rule':
      case 'replace-rule':
        return this.#rule(operation);
      case 'delete-rule':
        return this.#named(NFT_MSG.deleteRule, 0, RULE_ATTRS, {
          chain: operation.chain,
          handle: BigInt(operation.handle),
        });
      case 'add-set':
        return this.#set(operation.set);
      case 'delete-set':
        return this.#named(NFT_MSG.deleteSet, 0, SET_ATTRS, { name: operation.set });
      case 'flush-set':
        return this.#named(NFT_MSG.deleteElements, 0, ELEMENT_LIST_ATTRS, { set: operation.set });
      case 'add-elements':
      case 'delete-elements':
        return this.#elements(operation, operation.set.name);
      case 'add-object': {
        const values = objectValues(operation.object, table.family);
        return this.#named(NFT_MSG.newObject, FLAG.create, OBJECT_ATTRS, values);
      }
      case 'delete-object': {
        const { type, name } = operation;
        return this.#named(NFT_MSG.deleteObject, 0, OBJECT_ATTRS, {
          name,
          type: OBJECT_TYPES[type],
        });
      }
      case 'add-flowtable': {
        const values = flowtableValues(operation.flowtable);
        return this.#named(NFT_MSG.newFlowtable, FLAG.create, FLOWTABLE_ATTRS, values);
      }
      case 'delete-flowtable':
        return this.#named(NFT_MSG.deleteFlowtable, 0, FLOWTABLE_ATTRS, {
          name: operation.flowtable,
        });
      default: {
        const { op } = operation as { op: string };
        throw new NetfilterError('NETFILTER_VALUE', `nft: operation "${op}": there is no such one`);
      }
    }
  }

  /** The note does not hold on to the elements: there may be hundreds of thousands. */
  #note(operation: Exclude<NftOperation, { op: 'may-split' }>): void {
    const { table } = this.#options;
    if (!('elements' in operation)) {
      this.#notes.push([this.#sequence, () => describeOperation(operation, table)]);
      return;
    }
    const { op, set, elements } = operation;
    const list = Array.isArray(elements) ? (elements as readonly NftElement[]) : [];
    const [shown, count] = [list.slice(0, EXAMPLES), list.length];
    const text = () =>
      `${describeOperation({ op, set, elements: [] }, table)}${examples(shown, count)}`;
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

  #rule(operation: Extract<NftOperation, { op: 'add-rule' | 'replace-rule' }>): void {
    const { table } = this.#options;
    const { chain, rule } = operation;
    const sets = hasLists(rule) ? this.#anonymousSets(rule) : undefined;
    const { flags, ...place } = placeOf(operation);
    const at = this.#begin(NFT_MSG.newRule, flags);
    writeAttrs(this.#out, RULE_ATTRS, { table: table.name, chain, ...place });
    writeExpressions(this.#out, rule, table.family, sets);
    if (rule.comment !== undefined) {
      const userdata = commentData(UDATA.ruleComment, rule.comment);
      writeAttr(this.#out, RULE_ATTRS.userdata, userdata);
    }
    endMessage(this.#out, at);
  }

  /** Makes the sets of a rule's lists before the rule. */
  #anonymousSets({ steps }: NftRule): readonly AnonymousSet[] {
    return inlineSets(steps, this.#options.table.family).map(({ set, elements }) => {
      const id = this.#sequence;
      this.#set({ ...set, size: elements.length }, true);
      this.#elements({ op: 'add-elements', set, elements }, set.name, id);
      return { name: set.name, id };
    });
  }

  #set(set: NftSet, isAnonymous = false): void {
    const { family } = this.#options.table;
    this.#named(NFT_MSG.newSet, FLAG.create, SET_ATTRS, {
      ...setValues(set, family, isAnonymous),
      // identifies the set within its batch
      id: this.#sequence,
    });
  }

  #elements({ op, set, elements }: ElementOperation, name: string, setId?: number): void {
    const type = op === 'add-elements' ? NFT_MSG.newElements : NFT_MSG.deleteElements;
    const flags = op === 'add-elements' ? FLAG.create : 0;
    const writer = new ElementWriter(this.#out, set, this.#options.table.family);
    let count = 0;
    let message = 0;
    let list = 0;
    for (const element of elements) {
      if (count === 0) {
        message = this.#begin(type, flags);
        const head = { table: this.#options.table.name, set: name, setId };
        writeAttrs(this.#out, ELEMENT_LIST_ATTRS, head);
        list = this.#out.beginAttr(ELEMENT_LIST_IDS.elements | NLA_F_NESTED);
      }
      writer.write(element, op === 'add-elements');
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
}

function hasLists({ steps }: NftRule): boolean {
  return steps.some(
    (step) =>
      (step.kind === 'match' && step.anyOf !== undefined) ||
      ('map' in step && typeof step.map !== 'string'),
  );
}

function placeOf(operation: Extract<NftOperation, { op: 'add-rule' | 'replace-rule' }>): Readonly<{
  flags: number;
  handle?: bigint;
  position?: bigint;
}> {
  if (operation.op === 'replace-rule') {
    return { flags: FLAG.replace, handle: BigInt(operation.handle) };
  }
  const { at } = operation;
  if (at === undefined) return { flags: FLAG.create | FLAG.append };
  if (at === 'first') return { flags: FLAG.create };
  if ('before' in at) return { flags: FLAG.create, position: BigInt(at.before) };
  return { flags: FLAG.create | FLAG.append, position: BigInt(at.after) };
}

type ElementOperation = Extract<NftOperation, { op: 'add-elements' | 'delete-elements' }>;

/** Number of elements that an error message shows. */
const EXAMPLES = 3;

function examples(shown: readonly NftElement[], count: number): string {
  if (count === 0) return '';
  const keys = shown.map(({ key }) => nftKeyText(key)).join(', ');
  return ` { ${keys}${count > shown.length ? `, … ${count} in all` : ''} }`;
}
