import { decodeAttrs, type NetlinkMessage } from '@nodeagent/netlink-codec';

import { type NftChange, type NftObjectChange } from '../model/nft-changes.js';
import {
  type NftElement,
  type NftFamily,
  nftKeyText,
  type NftSet,
  type NftTableName,
} from '../model/nftables.js';
import type { NftFilledSet } from '../plan/nft-contents.js';
import { ELEMENT_LIST_ATTRS, GENERATION_ATTRS, NFT_MSG } from './nft-attrs.js';
import { nftAttributes, nftMessageType } from './nft-dump.js';
import { readElements, readSet } from './nft-set-read.js';
import {
  familyOf,
  readChain,
  readFlowtable,
  readObject,
  readRule,
  readTable,
} from './nft-table-read.js';

type ElementList = NonNullable<ReturnType<typeof listOf>['elements']>;

interface Waiting {
  readonly set: string;
  readonly table: NftTableName;
  readonly change: 'new' | 'deleted';
  readonly elements: ElementList[number][];
}

/**
 * Reads notifications one after the other. The two ends of a range come in messages of their own,
 * so elements are kept until something else comes.
 */
export class ChangeReader {
  readonly #sets = new Map<string, NftFilledSet>();
  /** Sets that were gone before they could be read. */
  readonly #missing = new Set<string>();
  #waiting: Waiting | undefined;

  /** Makes a set known whose elements may change. */
  know(table: NftTableName, set: NftSet): void {
    this.#missing.delete(keyOf(table, set.name));
    this.#sets.set(keyOf(table, set.name), { ...set, elements: new Map() });
  }

  /** Says that a set does not exist any longer. */
  miss(table: NftTableName, set: string): void {
    this.#missing.add(keyOf(table, set));
  }

  /** Forgets what notifications so far said: some were lost. */
  forget(): void {
    this.#waiting = undefined;
    this.#sets.clear();
    this.#missing.clear();
  }

  /** Returns the name of a set that has to be made known before this message is read. */
  unknownSet(message: NetlinkMessage): Readonly<{ table: NftTableName; set: string }> | undefined {
    const type = nftMessageType(message);
    const family = familyOf(message.payload[0]);
    if (type !== NFT_MSG.newElements && type !== NFT_MSG.deleteElements) return undefined;
    if (family === undefined) return undefined;
    const { table = '', set = '' } = listOf(message);
    const name = { family, name: table };
    const key = keyOf(name, set);
    return this.#sets.has(key) || this.#missing.has(key) ? undefined : { table: name, set };
  }

  read(message: NetlinkMessage): readonly NftChange[] {
    const type = nftMessageType(message);
    const attributes = nftAttributes(message);
    if (type === NFT_MSG.newGeneration) {
      const { id = 0, processId = 0, processName = '' } = decodeAttrs(GENERATION_ATTRS, attributes);
      return [...this.flush(), { kind: 'generation', id, processId, processName }];
    }
    const family = familyOf(message.payload[0]);
    const change = CHANGES.get(type);
    if (family === undefined || change === undefined) return this.flush();
    if (change[0] === 'elements') return this.#elements(message, family, change[1]);
    // the elements of a rule's list come before the rule
    const before = this.flush();
    const one = this.#one(change, attributes, family);
    return one === undefined ? before : [...before, one];
  }

  /** Returns the elements that are kept. */
  flush(): readonly NftChange[] {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return [];
    const { table, change, elements } = waiting;
    const known = this.#sets.get(keyOf(table, waiting.set));
    if (known === undefined) return [{ kind: 'elements', change, table, set: waiting.set }];
    const read = readElements(elements, known, table.family);
    if (change === 'new') this.#remember(table, known, read);
    return [{ kind: 'elements', change, table, set: waiting.set, elements: read }];
  }

  /** Only the sets of rules' lists are kept with their elements, to read the rules. */
  #remember(table: NftTableName, set: NftFilledSet, read: readonly NftElement[]): void {
    if (!/^__(set|map)\d/.test(set.name)) return;
    const added = read.map((one) => [nftKeyText(one.key), one] as const);
    const elements = new Map([...set.elements, ...added]);
    this.#sets.set(keyOf(table, set.name), { ...set, elements });
  }

  #elements(
    message: NetlinkMessage,
    family: NftFamily,
    change: 'new' | 'deleted',
  ): readonly NftChange[] {
    const { table: name = '', set = '', elements = [] } = listOf(message);
    const table = { family, name };
    const waiting = this.#waiting;
    const isSame =
      waiting?.set === set &&
      waiting.change === change &&
      keyOf(waiting.table, '') === keyOf(table, '');
    if (isSame) {
      waiting.elements.push(...elements);
      return [];
    }
    const before = this.flush();
    this.#waiting = { table, set, change, elements: [...elements] };
    return before;
  }

  #one(
    [kind, change]: readonly [NftObjectChange['kind'], 'new' | 'deleted'],
    attributes: Buffer,
    family: NftFamily,
  ): NftChange | undefined {
    const at = (name: string): NftTableName => ({ family, name });
    switch (kind) {
      case 'table': {
        const { name, handle } = readTable(attributes, family);
        return { kind, change, table: at(name), handle };
      }
      case 'chain': {
        const { table, chain, handle } = readChain(attributes, family);
        return { kind, change, table: at(table), chain, handle };
      }
      case 'set': {
        const { table, set, handle } = readSet(attributes);
        this.know(at(table), set);
        return { kind, change, table: at(table), set, handle };
      }
      case 'rule': {
        const setOf = (name: string): NftFilledSet | undefined =>
          this.#sets.get(keyOf(at(table), name));
        const { table } = readRule(attributes, { family });
        const { chain, rule } = readRule(attributes, { family, setOf });
        return { kind, change, table: at(table), chain, rule };
      }
      case 'object': {
        const found = readObject(attributes);
        return found && { kind, change, table: at(found.table), object: found.object };
      }
      case 'flowtable': {
        const { table, flowtable } = readFlowtable(attributes);
        return { kind, change, table: at(table), flowtable };
      }
    }
  }
}

const CHANGES = new Map<
  number,
  readonly [NftObjectChange['kind'], 'new' | 'deleted'] | readonly ['elements', 'new' | 'deleted']
>([
  [NFT_MSG.newTable, ['table', 'new']],
  [NFT_MSG.deleteTable, ['table', 'deleted']],
  [NFT_MSG.newChain, ['chain', 'new']],
  [NFT_MSG.deleteChain, ['chain', 'deleted']],
  [NFT_MSG.newRule, ['rule', 'new']],
  [NFT_MSG.deleteRule, ['rule', 'deleted']],
  [NFT_MSG.newSet, ['set', 'new']],
  [NFT_MSG.deleteSet, ['set', 'deleted']],
  [NFT_MSG.newElements, ['elements', 'new']],
  [NFT_MSG.deleteElements, ['elements', 'deleted']],
  [NFT_MSG.newObject, ['object', 'new']],
  [NFT_MSG.deleteObject, ['object', 'deleted']],
  [NFT_MSG.newFlowtable, ['flowtable', 'new']],
  [NFT_MSG.deleteFlowtable, ['flowtable', 'deleted']],
]);

function listOf(message: NetlinkMessage) {
  return decodeAttrs(ELEMENT_LIST_ATTRS, nftAttributes(message));
}

function keyOf({ family, name }: NftTableName, set: string): string {
  return `${family} ${name} ${set}`;
}
