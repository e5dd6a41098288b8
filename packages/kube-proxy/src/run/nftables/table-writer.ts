import type { Logger } from '@nodeagent/base';
import { isNetfilterError } from '@nodeagent/netfilter';
import {
  nftDataText,
  type NftInventory,
  nftKeyText,
  type NftOperation,
  type NftTable,
} from '@nodeagent/netfilter/nftables';

import { NftMirror } from '../../plan/nftables/mirror.js';
import type { NftSettings } from '../../plan/nftables/settings.js';
import {
  findLeftovers,
  planFoundation,
  planHooks,
  planWholeTable,
  serviceSet,
} from '../../plan/nftables/whole-table.js';
import type { NodeView, PortView } from '../../plan/node-view.js';
import type { RefusedPorts } from './refused-ports.js';

export interface TableWriterPorts {
  readonly table: NftTable;
  readonly log: Logger;
  readonly refused: RefusedPorts;
}

/** A table as it is to be. */
interface Wanted {
  readonly view: NodeView;
  readonly settings: NftSettings;
}

/** Ports whose changes are planned together; the table cuts them into steps that can be sent. */
const PORTS_AT_ONCE = 256;

/** Writes whole tables, and keeps mirrors of what it put into them. */
export class TableWriter {
  readonly #ports: TableWriterPorts;

  constructor(ports: TableWriterPorts) {
    this.#ports = ports;
  }

  /** One script with everything: no packet meets half of it, but clients lose their affinity. */
  async rewrite({ view, settings }: Wanted, signal: AbortSignal): Promise<void> {
    const anew: NftOperation[] = [{ op: 'add-table' }, { op: 'delete-table' }];
    await this.#ports.table.apply([...anew, ...planWholeTable(view, settings)], signal);
  }

  /**
   * Brings the table from what was found to what it should be, so that one of the two is always in
   * place. Unusable objects are deleted and created anew.
   *
   * @throws {NetfilterError} `NETFILTER_CHANGED` when somebody else changes the table meanwhile
   */
  async fill(
    wanted: Wanted,
    found: NftInventory | undefined,
    signal: AbortSignal,
  ): Promise<NftMirror> {
    const { table, log } = this.#ports;
    const { view, settings } = wanted;
    if (found !== undefined) {
      try {
        return await this.#adopt(wanted, found, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isNetfilterError(error, 'NETFILTER_REFUSED', 'NETFILTER_PARSE')) throw error;
        log.warn({ family: view.family, err: error }, 'the table found here cannot be used');
      }
    }
    const anew: NftOperation[] = [{ op: 'add-table' }, { op: 'delete-table' }];
    await table.apply([...anew, ...planFoundation(settings, view)], signal);
    const mirror = new NftMirror(settings);
    await this.#applyPorts(mirror, view, signal);
    await table.apply(planHooks(), signal);
    return mirror;
  }

  /** Takes over what an earlier life of this process left, or what someone spoilt. */
  async #adopt(
    { view, settings }: Wanted,
    found: NftInventory,
    signal: AbortSignal,
  ): Promise<NftMirror> {
    const { table } = this.#ports;
    const elements = new Map<string, Map<string, string>>();
    for (const name of found.sets) {
      const set = serviceSet(name);
      if (set === undefined) continue;
      const texts = new Map<string, string>();
      for (const { key, data } of await table.elements(set, signal)) {
        texts.set(nftKeyText(key), nftDataText(data));
      }
      elements.set(name, texts);
    }
    await table.apply(planFoundation(settings, view), signal);
    const mirror = new NftMirror(settings, elements);
    await this.#applyPorts(mirror, view, signal);
    await table.apply(planHooks(found), signal);
    mirror.forgetFound();
    await this.#removeLeftovers({ mirror, found, elements }, signal);
    return mirror;
  }

  async #removeLeftovers(
    {
      mirror,
      found,
      elements,
    }: Readonly<{
      mirror: NftMirror;
      found: NftInventory;
      elements: ReadonlyMap<string, Map<string, string>>;
    }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { table } = this.#ports;
    const { chains, sets } = findLeftovers(found, mirror);
    const operations: NftOperation[] = [];
    for (const [name, texts] of elements) {
      const set = serviceSet(name);
      if (set === undefined || texts.size === 0) continue;
      const keys = [...texts.keys()].map((text) => ({ key: text.split(' . ') }));
      for (let from = 0; from < keys.length; from += 1000) {
        const part = keys.slice(from, from + 1000);
        operations.push({ op: 'delete-elements', set, elements: part }, { op: 'may-split' });
      }
    }
    for (const chain of chains) operations.push({ op: 'flush-chain', chain });
    for (const set of sets) operations.push({ op: 'delete-set', set });
    if (operations.length > 0) await table.apply(operations, signal);
    mirror.addStale(chains);
  }

  async #applyPorts(mirror: NftMirror, view: NodeView, signal: AbortSignal): Promise<void> {
    const keys = [...view.ports.keys()].filter((key) => !this.#ports.refused.has(key, view));
    for (let from = 0; from < keys.length; from += PORTS_AT_ONCE) {
      await this.applySome(mirror, { view, keys: keys.slice(from, from + PORTS_AT_ONCE) }, signal);
    }
  }

  /** Writes these ports; one that the kernel refuses does not keep the others from it. */
  async applySome(
    mirror: NftMirror,
    { view, keys }: Readonly<{ view: NodeView; keys: readonly string[] }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { table } = this.#ports;
    const choices = new Set(mirror.choices);
    try {
      await table.apply(
        planPorts(mirror, keys, (key) => view.ports.get(key)),
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      const isRefusal = isNetfilterError(error, 'NETFILTER_REFUSED', 'NETFILTER_VALUE');
      if (!isRefusal || mirror.adopts) throw error;
      mirror.takeBack(keys, choices);
      await this.#findRefused(mirror, { view, keys, error }, signal);
    }
  }

  /** One after the other, to find the port that is at fault; the others are served. */
  async #findRefused(
    mirror: NftMirror,
    { view, keys, error }: Readonly<{ view: NodeView; keys: readonly string[]; error: Error }>,
    signal: AbortSignal,
  ): Promise<void> {
    const [only, ...others] = keys;
    if (only !== undefined && others.length === 0) {
      const port = view.ports.get(only);
      if (port !== undefined) this.#ports.refused.add(only, port, error);
      return;
    }
    const half = Math.ceil(keys.length / 2);
    await this.applySome(mirror, { view, keys: keys.slice(0, half) }, signal);
    await this.applySome(mirror, { view, keys: keys.slice(half) }, signal);
  }
}

/**
 * Also what those get that a changed port gave up. One port is planned when its operations are asked
 * for, so that those of thousands are never there at a time.
 */
export function* planPorts(
  mirror: NftMirror,
  keys: readonly string[],
  portOf: (key: string) => PortView | undefined,
): Generator<NftOperation, void> {
  function* plan(key: string): Generator<NftOperation, void> {
    const own = mirror.change(key, portOf(key));
    yield* own;
    if (own.length > 0) yield { op: 'may-split' };
  }
  for (const key of keys) yield* plan(key);
  for (let more = mirror.takeReleased(); more.length > 0; more = mirror.takeReleased()) {
    for (const key of more) if (portOf(key) !== undefined) yield* plan(key);
  }
}
