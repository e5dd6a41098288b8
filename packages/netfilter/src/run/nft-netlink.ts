import type { Clock } from '@nodeagent/base';
import {
  ByteWriter,
  decodeAcknowledgement,
  encodeAttrs,
  errnoName,
  FLAG,
  isRefusal,
  MESSAGE,
  NetlinkConnection,
  type NetlinkMessage,
  type NetlinkSocket,
  type OutgoingMessage,
  writeMessage,
} from '@nodeagent/netlink-codec';

import {
  CHAIN_ATTRS,
  ELEMENT_LIST_ATTRS,
  FAMILY_NUMBERS,
  NFNL,
  NFT_MSG,
  SET_ATTRS,
  TABLE_ATTRS,
} from '../codec/nft-attrs.js';
import { encodeNftBatches, type NftBatch, renumber } from '../codec/nft-batch.js';
import {
  concerns,
  decodeChain,
  decodeElements,
  decodeGeneration,
  decodeSetName,
} from '../codec/nft-dump.js';
import { NetfilterError } from '../model/errors.js';
import type {
  NftElement,
  NftInventory,
  NftOperation,
  NftSet,
  NftTableName,
} from '../model/nftables.js';
import type { NftTable } from '../ports.js';
import type { NftEars } from './nft-ears.js';
import { asNetfilterError, refusedOperation } from './nft-errors.js';

/** A table and its sockets. */
export interface NetlinkNftOptions {
  readonly table: NftTableName;
  readonly clock: Clock;
  /** A socket of protocol NETLINK_NETFILTER, for changes and queries. */
  readonly socket: NetlinkSocket;
  /**
   * Receives changes by other programs. Several tables may share it; the code that made it closes
   * it.
   */
  readonly ears: NftEars;
  /** Period between checks for changes by other programs; 100 ms when absent. */
  readonly periodMs?: number;
  /**
   * Batches are cut at `may-split` when longer than this; when absent, at the largest size that can
   * be sent.
   */
  readonly maxBatchBytes?: number;
}

/** From this size on, the notifications of our own change would fill the listeners' buffers. */
const QUIET_BYTES = 32_768;

const PERIOD_MS = 100;

/**
 * Other programs commit to other tables all the time; retry at most this often to find no change
 * between two reads.
 */
const GENERATION_RETRIES = 50;

/**
 * A table over netlink. Each step carries the generation of the tables that it was planned for, so
 * the kernel refuses it when anyone changed any table meanwhile; the notifications then show
 * whether it was this table. Nothing is read from the kernel unless asked for.
 */
export class NetlinkNftTable implements NftTable {
  readonly table: NftTableName;
  readonly mustBeWhole = false;
  readonly #options: NetlinkNftOptions;
  readonly #connection: NetlinkConnection;
  readonly #ears: NftEars;
  readonly #stopHearing: () => void;
  /** The generation that the next step is based on. */
  #generation: number | undefined;
  #changedByOthers = false;
  /** True once a change since the last read of the table has been reported. */
  #isReported = false;

  constructor(options: NetlinkNftOptions) {
    this.#options = options;
    this.table = options.table;
    this.#connection = new NetlinkConnection(options);
    this.#ears = options.ears;
    this.#stopHearing = this.#ears.add({
      onMessage: (message) => this.#notice(message),
      onLost: () => {
        this.#changedByOthers = true;
      },
    });
  }

  async apply(operations: Iterable<NftOperation>, signal: AbortSignal): Promise<void> {
    this.#generation ??= await this.#readGeneration(signal);
    const { maxSendBytes } = this.#connection;
    const maxBytes = Math.min(this.#options.maxBatchBytes ?? maxSendBytes, maxSendBytes);
    for (const batch of encodeNftBatches(operations, { table: this.table, maxBytes })) {
      await this.#commit(batch, signal);
    }
  }

  async inventory(signal: AbortSignal): Promise<NftInventory | undefined> {
    for (let attempt = 0; attempt < GENERATION_RETRIES; attempt += 1) {
      this.#ears.hear();
      this.#changedByOthers = false;
      this.#isReported = false;
      const before = await this.#readGeneration(signal);
      const found = await this.#readInventory(signal);
      if ((await this.#readGeneration(signal)) !== before) continue;
      this.#generation = before;
      return found;
    }
    throw new NetfilterError('NETFILTER_CHANGED', `${this.#name()}: changes without a pause`);
  }

  async elements(set: NftSet, signal: AbortSignal): Promise<readonly NftElement[]> {
    const { family, name } = this.table;
    const payload = encodeAttrs(ELEMENT_LIST_ATTRS, { table: name, set: set.name });
    const what = `list set ${this.#name()} ${set.name}`;
    const request = this.#request(NFT_MSG.getElements, 0, payload);
    return this.#guarded(what, async () => {
      const read = (part: NetlinkMessage): readonly NftElement[] =>
        decodeElements(part, set, family);
      return (await this.#connection.dump(what, request, read, signal)).flat();
    });
  }

  async watch(onChange: () => void, signal: AbortSignal): Promise<void> {
    const { clock, periodMs = PERIOD_MS } = this.#options;
    while (!signal.aborted) {
      this.#ears.hear();
      if (this.#changedByOthers && !this.#isReported) {
        this.#isReported = true;
        onChange();
      }
      await clock.sleep(periodMs, signal);
    }
  }

  /** Without this call the sockets stay open until the process ends. */
  close(): void {
    this.#connection.close();
    this.#stopHearing();
  }

  async #commit(batch: NftBatch, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const before = this.#generation ?? (await this.#readGeneration(signal));
      batch.setGeneration(before);
      const outcome = await this.#send(batch, signal);
      if (outcome === undefined) {
        this.#generation = before + 1;
        return;
      }
      if (outcome !== 'other-generation') throw outcome;
      this.#ears.hear();
      if (this.#changedByOthers || attempt >= GENERATION_RETRIES) {
        throw new NetfilterError('NETFILTER_CHANGED', `${this.#name()}: changed by someone else`);
      }
      this.#generation = await this.#readGeneration(signal);
    }
  }

  /**
   * @returns the errors; the answer with the generation, requested last, comes after all of them
   */
  async #send(
    batch: NftBatch,
    signal: AbortSignal,
  ): Promise<NetfilterError | 'other-generation' | undefined> {
    const isQuiet = batch.bytes.length > QUIET_BYTES;
    const fence = this.#request(NFT_MSG.getGeneration, FLAG.request, Buffer.alloc(0));
    let failure: NetfilterError | 'other-generation' | undefined;
    let before: number | undefined;
    await this.#guarded(`change ${this.#name()}`, () =>
      this.#connection.exchange(
        `change ${this.#name()}`,
        {
          sequences: batch.messages + 2,
          datagrams: (first) => this.#datagrams(batch, { fence, first, isQuiet }),
          receive: (message, index) => {
            if (message.type !== MESSAGE.error) {
              const generation = decodeGeneration(message);
              if (index > batch.messages) before = generation;
              if (index !== batch.messages) return 'more';
              const own = failure === undefined ? 1 : 0;
              // changes by other programs while the ears were shut went unheard
              if (isQuiet && generation !== (before ?? 0) + own) this.#ears.missed();
              return 'end';
            }
            const { errno } = decodeAcknowledgement(message);
            const isStale = errnoName(errno) === 'ERESTART';
            // later messages fail because of the first one: report the first
            if (errno !== 0)
              failure ??= isStale
                ? 'other-generation'
                : refusedOperation(batch.describe(index), errno);
            return index === batch.messages ? 'end' : 'more';
          },
        },
        signal,
      ),
    );
    return failure;
  }

  /**
   * Yields the step between two queries for the generation; the first query is sent only when the
   * ears are shut. The kernel has processed each datagram when the send call returns, so the ears
   * are shut only for one system call.
   */
  *#datagrams(
    { bytes, messages }: NftBatch,
    {
      fence,
      first,
      isQuiet,
    }: Readonly<{ fence: OutgoingMessage; first: number; isQuiet: boolean }>,
  ): Generator<Uint8Array, void> {
    renumber(bytes, first);
    if (isQuiet) {
      yield framed(fence, first + messages + 1);
      this.#ears.shut();
    }
    try {
      yield bytes;
    } finally {
      if (isQuiet) this.#ears.open();
    }
    yield framed(fence, first + messages);
  }

  async #readInventory(signal: AbortSignal): Promise<NftInventory | undefined> {
    const { name } = this.table;
    const what = `list table ${this.#name()}`;
    const payload = encodeAttrs(TABLE_ATTRS, { name });
    const one = this.#request(NFT_MSG.getTable, FLAG.request, payload);
    try {
      await this.#connection.request(what, one, signal);
    } catch (error) {
      if (isRefusal(error, 'ENOENT')) return undefined;
      throw asNetfilterError(what, error);
    }
    return this.#guarded(what, async () => {
      const chains = await this.#connection.dump(
        what,
        this.#request(NFT_MSG.getChain, 0, encodeAttrs(CHAIN_ATTRS, { table: name })),
        (message) => decodeChain(message, name),
        signal,
      );
      const sets = await this.#connection.dump(
        what,
        this.#request(NFT_MSG.getSet, 0, encodeAttrs(SET_ATTRS, { table: name })),
        (message) => decodeSetName(message, name),
        signal,
      );
      return { chains, sets };
    });
  }

  async #readGeneration(signal: AbortSignal): Promise<number> {
    const what = 'read the generation of nftables';
    const request = this.#request(NFT_MSG.getGeneration, FLAG.request, Buffer.alloc(0));
    return this.#guarded(what, async () => {
      const [answer] = await this.#connection.request(what, request, signal);
      const generation = answer === undefined ? undefined : decodeGeneration(answer);
      if (generation !== undefined) return generation;
      throw new NetfilterError('NETFILTER_PARSE', `${what}: the answer has no generation`);
    });
  }

  #notice(message: NetlinkMessage): void {
    if (message.portId === this.#connection.portId) return;
    if (concerns(message, this.table)) this.#changedByOthers = true;
  }

  #request(type: number, flags: number, attrs: Buffer): OutgoingMessage {
    const header = Buffer.from([FAMILY_NUMBERS[this.table.family], 0, 0, 0]);
    const payload = Buffer.concat([header, attrs]);
    return { type: NFNL.subsystem * 256 + type, flags, payload };
  }

  async #guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asNetfilterError(what, error);
    }
  }

  #name(): string {
    return `${this.table.family} ${this.table.name}`;
  }
}

function framed(message: OutgoingMessage, sequence: number): Buffer {
  const out = new ByteWriter(64);
  writeMessage(out, message, sequence);
  return out.view();
}
