import {
  type AttrTable,
  type AttrValues,
  encodeAttrs,
  FLAG,
  isRefusal,
  type NetlinkConnection,
  type NetlinkMessage,
  type OutgoingMessage,
} from '@nodeagent/netlink-codec';

import {
  CHAIN_ATTRS,
  ELEMENT_LIST_ATTRS,
  FAMILY_NUMBERS,
  FLOWTABLE_ATTRS,
  NFNL,
  NFT_MSG,
  OBJECT_ATTRS,
  RULE_ATTRS,
  SET_ATTRS,
} from '../codec/nft-attrs.js';
import { decodeElementList, decodeGeneration, nftAttributes } from '../codec/nft-dump.js';
import { readElements, type ReadSet, readSet } from '../codec/nft-set-read.js';
import {
  familyOf,
  readChain,
  readFlowtable,
  readObject,
  readRule,
  type ReadTable,
  readTable,
} from '../codec/nft-table-read.js';
import { NetfilterError } from '../model/errors.js';
import { type NftFamily, nftKeyText, type NftSet, type NftTableName } from '../model/nftables.js';
import {
  type NftFilledChain,
  type NftFilledSet,
  type NftListedTable,
  objectKey,
} from '../plan/nft-contents.js';
import { asNetfilterError } from './nft-errors.js';

/** Tables change while they are read; they are read again at most this often. */
const ATTEMPTS = 50;

/** Reads tables from the kernel, each as it was at one moment. */
export class NftReader {
  readonly #connection: NetlinkConnection;

  constructor(connection: NetlinkConnection) {
    this.#connection = connection;
  }

  /** Lists the tables of a network namespace, or those of one family. */
  async tables(
    signal: AbortSignal,
    family?: NftFamily,
  ): Promise<readonly (NftTableName & ReadTable)[]> {
    const header = family === undefined ? 0 : FAMILY_NUMBERS[family];
    return this.#dump(
      'list tables',
      request(NFT_MSG.getTable, header, Buffer.alloc(0)),
      (message) => {
        const found = familyOf(message.payload[0]);
        return found === undefined ? undefined : readTable(nftAttributes(message), found);
      },
      signal,
    );
  }

  /** @returns undefined when there is no such table */
  async table(name: NftTableName, signal: AbortSignal): Promise<NftListedTable | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = await this.generation(signal);
      try {
        const found = await this.#table(name, before, signal);
        if ((await this.generation(signal)) === before) return found;
      } catch (error) {
        // something that was listed a moment ago is gone
        if (!isRefusal((error as Error).cause, 'ENOENT')) throw error;
      }
    }
    const message = `list table ${name.family} ${name.name}: changes without a pause`;
    throw new NetfilterError('NETFILTER_CHANGED', message);
  }

  /** Lists the sets of a table without their elements. */
  async sets(table: NftTableName, signal: AbortSignal): Promise<readonly NftSet[]> {
    const found = await this.#part(table, NFT_MSG.getSet, SET_ATTRS, readSet, signal);
    return found.map(({ set }) => set);
  }

  /** Returns the number of the last change of any table. */
  async generation(signal: AbortSignal): Promise<number> {
    const what = 'read the generation of nftables';
    const ask = request(NFT_MSG.getGeneration, 0, Buffer.alloc(0), FLAG.request);
    const [answer] = await this.#guarded(what, () => this.#connection.request(what, ask, signal));
    const generation = answer === undefined ? undefined : decodeGeneration(answer);
    if (generation !== undefined) return generation;
    throw new NetfilterError('NETFILTER_PARSE', `${what}: the answer has no generation`);
  }

  async #table(
    name: NftTableName,
    generation: number,
    signal: AbortSignal,
  ): Promise<NftListedTable | undefined> {
    const all = await this.tables(signal, name.family);
    const found = all.find((table) => table.name === name.name);
    if (found === undefined) return undefined;
    const anonymous = new Map<string, NftFilledSet>();
    const sets = new Map<string, NftFilledSet>();
    for (const read of await this.#part(name, NFT_MSG.getSet, SET_ATTRS, readSet, signal)) {
      const filled = await this.#filled(name, read, signal);
      (read.isAnonymous ? anonymous : sets).set(filled.name, filled);
    }
    const options = { family: name.family, setOf: (set: string) => anonymous.get(set) };
    const chains = new Map<string, NftFilledChain & { rules: NftFilledChain['rules'][number][] }>();
    const readOne = (bytes: Buffer) => readChain(bytes, name.family);
    for (const { chain } of await this.#part(
      name,
      NFT_MSG.getChain,
      CHAIN_ATTRS,
      readOne,
      signal,
    )) {
      chains.set(chain.name, { ...chain, rules: [] });
    }
    const ruleOf = (bytes: Buffer) => readRule(bytes, options);
    for (const { chain, rule } of await this.#part(
      name,
      NFT_MSG.getRule,
      RULE_ATTRS,
      ruleOf,
      signal,
    )) {
      chains.get(chain)?.rules.push(rule);
    }
    const objects = await this.#part(name, NFT_MSG.getObject, OBJECT_ATTRS, readObject, signal);
    const flowtables = await this.#part(
      name,
      NFT_MSG.getFlowtable,
      FLOWTABLE_ATTRS,
      readFlowtable,
      signal,
    );
    return {
      ...found,
      generation,
      chains,
      sets,
      objects: new Map(objects.map(({ object }) => [objectKey(object), object])),
      flowtables: new Map(flowtables.map(({ flowtable }) => [flowtable.name, flowtable])),
    };
  }

  async #filled(
    { family, name }: NftTableName,
    { set }: ReadSet,
    signal: AbortSignal,
  ): Promise<NftFilledSet> {
    const what = `list set ${family} ${name} ${set.name}`;
    const payload = encodeAttrs(ELEMENT_LIST_ATTRS, { table: name, set: set.name });
    const ask = request(NFT_MSG.getElements, FAMILY_NUMBERS[family], payload);
    const parts = await this.#dump(what, ask, decodeElementList, signal);
    const elements = readElements(parts.flat(), set, family);
    return { ...set, elements: new Map(elements.map((one) => [nftKeyText(one.key), one])) };
  }

  /** Lists what belongs to one table. */
  async #part<T extends Readonly<{ table: string }>>(
    { family, name }: NftTableName,
    type: number,
    table: AttrTable,
    read: (attributes: Buffer) => T | undefined,
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    const what = `list table ${family} ${name}`;
    const values = { table: name } as AttrValues<AttrTable>;
    const ask = request(type, FAMILY_NUMBERS[family], encodeAttrs(table, values));
    return this.#dump(
      what,
      ask,
      (message) => {
        if (message.payload[0] !== FAMILY_NUMBERS[family]) return undefined;
        const found = read(nftAttributes(message));
        return found?.table === name ? found : undefined;
      },
      signal,
    );
  }

  #dump<T>(
    what: string,
    ask: OutgoingMessage,
    read: (message: NetlinkMessage) => T | undefined,
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    return this.#guarded(what, () => this.#connection.dump(what, ask, read, signal));
  }

  async #guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asNetfilterError(what, error);
    }
  }
}

function request(type: number, family: number, attributes: Buffer, flags = 0): OutgoingMessage {
  const payload = Buffer.concat([Buffer.from([family, 0, 0, 0]), attributes]);
  return { type: NFNL.subsystem * 256 + type, flags, payload };
}
