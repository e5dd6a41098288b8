import type { Clock, Logger } from '@nodeagent/base';
import { isNetfilterError } from '@nodeagent/netfilter';
import {
  nftDataText,
  type NftInventory,
  nftKeyText,
  type NftOperation,
  type NftTable,
} from '@nodeagent/netfilter/nftables';

import { isLoopback } from '../../model/address.js';
import type { NftablesMetrics } from '../../model/nftables-metrics.js';
import { matchingAddresses, type NodePortAddresses } from '../../model/node-ports.js';
import { NftMirror } from '../../plan/nftables/mirror.js';
import type { NftSettings } from '../../plan/nftables/settings.js';
import { planClusterIpsCheck } from '../../plan/nftables/static-chains.js';
import {
  findLeftovers,
  planFoundation,
  planHooks,
  planWholeTable,
  serviceSet,
} from '../../plan/nftables/whole-table.js';
import type { NodeView, PortView, ViewChange } from '../../plan/node-view.js';
import type { Backend, Interfaces, Problems } from '../../ports.js';
import { RefusedRetry } from '../refused-retry.js';

export interface NftablesBackendOptions {
  readonly table: NftTable;
  readonly settings: Omit<NftSettings, 'nodePortIps'>;
  readonly nodePortAddresses: NodePortAddresses;
  readonly interfaces: Interfaces;
  readonly problems: Problems;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: NftablesMetrics;
}

/** Even without a sign of trouble everything is compared with the kernel this often. */
const FULL_INTERVAL_MS = 3_600_000;

/** Ports whose changes are planned together; the table cuts them into steps that can be sent. */
const PORTS_AT_ONCE = 256;

/** How often somebody may spoil the table while it is being mended, until the sync fails. */
const FULL_ATTEMPTS = 5;

/** Before Linux 6.2 a chain is in use for a moment after the last element that led to it went. */
const STALE_CHAIN_MS = 1000;

/** The nftables mode of one address family: one table, and a mirror of what was put into it. */
export class NftablesBackend implements Backend {
  readonly #options: NftablesBackendOptions;
  #mirror: NftMirror | undefined;
  #lastFullMs = 0;
  #staleSinceMs: number | undefined;
  #nodePortIps = '';
  /** Ports whose objects the kernel refused, until they change or are tried again. */
  readonly #refused = new Map<string, PortView>();
  readonly #retry: RefusedRetry;
  #isRetryDue = false;
  readonly #told = new Set<string>();
  #changedByOthers = false;

  constructor(options: NftablesBackendOptions) {
    this.#options = options;
    this.#retry = new RefusedRetry(options.clock);
  }

  async sync(view: NodeView, change: ViewChange, signal: AbortSignal): Promise<'full' | 'partial'> {
    const { clock, metrics, table } = this.#options;
    for (const key of [...change.changedPorts, ...change.removedPorts]) this.#forgetRefused(key);
    const isDue = clock.monotonicMs() - this.#lastFullMs > FULL_INTERVAL_MS;
    const mirror = this.#mirror;
    // what fails midway leaves a mirror that cannot be trusted
    this.#mirror = undefined;
    try {
      if (table.mustBeWhole) {
        await this.#rewrite(view, signal);
        return 'full';
      }
      const canBePartial = mirror !== undefined && !isDue && !this.#changedByOthers;
      if (canBePartial && (await this.#partial(mirror, { view, change }, signal))) {
        this.#mirror = mirror;
        return 'partial';
      }
      this.#mirror = await this.#full(view, signal);
    } catch (error) {
      if (!signal.aborted) metrics.syncFailures.increment({ ip_family: view.family });
      throw error;
    }
    this.#lastFullMs = clock.monotonicMs();
    this.#retry.tried(this.#refused.size > 0);
    this.#tellDenied(this.#mirror, view, view.ports.keys());
    return 'full';
  }

  #forgetRefused(key: string): void {
    const port = this.#refused.get(key);
    if (port !== undefined) this.#tell(port, []);
    this.#refused.delete(key);
  }

  requestFull(): void {
    this.#lastFullMs = Number.NEGATIVE_INFINITY;
  }

  async watch(onLost: () => void, signal: AbortSignal): Promise<void> {
    const { table, log, settings } = this.#options;
    const stale = this.#watchStaleChains(onLost, signal);
    const retrying = this.#retry.run(() => {
      this.#isRetryDue = true;
      onLost();
    }, signal);
    await table.watch(() => {
      log.info({ family: settings.family }, 'someone else changed our table; it is mended');
      this.#changedByOthers = true;
      onLost();
    }, signal);
    await Promise.all([stale, retrying]);
  }

  /** @returns whether it could be done so */
  async #partial(
    mirror: NftMirror,
    { view, change }: Readonly<{ view: NodeView; change: ViewChange }>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { table, log } = this.#options;
    const settings = this.#settings();
    if (this.#nodePortIps !== String(settings.nodePortIps)) return false;
    try {
      await this.#deleteStaleChains(mirror, signal);
      const keys = [...change.removedPorts, ...change.changedPorts];
      const operations = [...planPorts(mirror, keys, (key) => view.ports.get(key))];
      if (change.serviceCidrsChanged) operations.push(...refill(view));
      if (operations.length > 0) await table.apply(operations, signal);
      if (mirror.staleChains.size > 0) this.#staleSinceMs ??= this.#options.clock.monotonicMs();
      this.#tellDenied(mirror, view, keys);
      if (this.#isRetryDue) await this.#retryRefused(mirror, view, signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!isNetfilterError(error, 'NETFILTER_CHANGED', 'NETFILTER_REFUSED')) throw error;
      log.info({ family: view.family, why: error.message }, 'everything is written anew');
      return false;
    }
  }

  /** One script with everything: no packet meets half of it, but clients lose their affinity. */
  async #rewrite(view: NodeView, signal: AbortSignal): Promise<void> {
    const { table } = this.#options;
    const anew: NftOperation[] = [{ op: 'add-table' }, { op: 'delete-table' }];
    await table.apply([...anew, ...planWholeTable(view, this.#settings())], signal);
  }

  /** Brings the table from whatever it is to what it should be, without a moment of neither. */
  async #full(view: NodeView, signal: AbortSignal): Promise<NftMirror> {
    const { table, log, metrics } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const found = await table.inventory(signal);
        if (this.#changedByOthers) metrics.repairs.increment({ ip_family: view.family });
        this.#changedByOthers = false;
        return await this.#fill(view, found, signal);
      } catch (error) {
        signal.throwIfAborted();
        const isChanged = isNetfilterError(error, 'NETFILTER_CHANGED');
        if (!isChanged || attempt === FULL_ATTEMPTS) throw error;
        log.info({ family: view.family, attempt }, 'the table changed while it was written');
      }
    }
  }

  async #fill(
    view: NodeView,
    found: NftInventory | undefined,
    signal: AbortSignal,
  ): Promise<NftMirror> {
    const { table, log } = this.#options;
    const settings = this.#settings();
    this.#nodePortIps = String(settings.nodePortIps);
    if (found !== undefined) {
      try {
        return await this.#adopt(view, { settings, found }, signal);
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
    view: NodeView,
    { settings, found }: Readonly<{ settings: NftSettings; found: NftInventory }>,
    signal: AbortSignal,
  ): Promise<NftMirror> {
    const { table } = this.#options;
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
    const { table } = this.#options;
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
    if (mirror.staleChains.size > 0) this.#staleSinceMs ??= this.#options.clock.monotonicMs();
  }

  async #applyPorts(mirror: NftMirror, view: NodeView, signal: AbortSignal): Promise<void> {
    const keys = [...view.ports.keys()].filter((key) => !this.#isRefused(key, view));
    for (let from = 0; from < keys.length; from += PORTS_AT_ONCE) {
      await this.#applySome(mirror, { view, keys: keys.slice(from, from + PORTS_AT_ONCE) }, signal);
    }
  }

  async #applySome(
    mirror: NftMirror,
    { view, keys }: Readonly<{ view: NodeView; keys: readonly string[] }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { table } = this.#options;
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
      if (port === undefined) return;
      this.#refused.set(only, port);
      this.#tell(port, [
        `the kernel refuses the ${view.family} rules of port ${only}: ${error.message}`,
      ]);
      return;
    }
    const half = Math.ceil(keys.length / 2);
    await this.#applySome(mirror, { view, keys: keys.slice(0, half) }, signal);
    await this.#applySome(mirror, { view, keys: keys.slice(half) }, signal);
  }

  /** Beside what is in force, which no refusal disturbs. */
  async #retryRefused(mirror: NftMirror, view: NodeView, signal: AbortSignal): Promise<void> {
    this.#isRetryDue = false;
    const before = new Map(this.#refused);
    this.#refused.clear();
    if (before.size > 0) await this.#applySome(mirror, { view, keys: [...before.keys()] }, signal);
    for (const [key, port] of before) if (!this.#refused.has(key)) this.#tell(port, []);
    this.#retry.tried(this.#refused.size > 0);
  }

  #isRefused(key: string, view: NodeView): boolean {
    const refused = this.#refused.get(key);
    return refused !== undefined && refused === view.ports.get(key);
  }

  async #deleteStaleChains(mirror: NftMirror, signal: AbortSignal): Promise<void> {
    const { clock, table, log, metrics, settings } = this.#options;
    const sinceMs = this.#staleSinceMs;
    if (sinceMs === undefined || clock.monotonicMs() - sinceMs < STALE_CHAIN_MS) return;
    this.#staleSinceMs = undefined;
    const names = [...mirror.staleChains];
    try {
      const operations = names.map((chain) => ({ op: 'delete-chain', chain }) as const);
      if (names.length > 0) await table.apply(operations, signal);
      mirror.chainsDeleted(names);
    } catch (error) {
      signal.throwIfAborted();
      metrics.cleanupFailures.increment({ ip_family: settings.family });
      log.warn({ family: settings.family, err: error }, 'stale chains not deleted');
      throw error;
    }
  }

  /** They go soon after they have become stale, not with the next change that happens to come. */
  async #watchStaleChains(request: () => void, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const sinceMs = this.#staleSinceMs;
      if (sinceMs !== undefined && clock.monotonicMs() - sinceMs >= STALE_CHAIN_MS) request();
      await clock.sleep(STALE_CHAIN_MS, signal);
    }
  }

  #settings(): NftSettings {
    const { settings, nodePortAddresses, interfaces } = this.#options;
    const nodePortIps = nodePortAddresses.matchesAll
      ? ('all' as const)
      : matchingAddresses(nodePortAddresses, interfaces.addresses(settings.family)).filter(
          (ip) => !isLoopback(ip),
        );
    return { ...settings, nodePortIps };
  }

  /** One address and port can lead to one Service only. */
  #tellDenied(mirror: NftMirror, view: NodeView, keys: Iterable<string>): void {
    for (const key of keys) {
      const port = view.ports.get(key);
      const denied = port === undefined ? [] : mirror.denied(key, port);
      if (denied.length === 0 && !this.#told.has(key)) continue;
      if (denied.length === 0) this.#told.delete(key);
      else this.#told.add(key);
      const messages = denied.map(([text, owner]) => `${text.trim()} leads to ${owner} already`);
      if (port !== undefined) this.#tell(port, messages);
    }
  }

  #tell({ service: { service, portName, protocol } }: PortView, messages: readonly string[]): void {
    const { problems, settings } = this.#options;
    const part = `nftables ${settings.family} ${portName} ${protocol}`;
    problems.set({ kind: 'Service', name: service, part }, messages);
  }
}

/**
 * Also what those get that a changed port gave up. One port is planned when its operations are asked
 * for, so that those of thousands are never there at a time.
 */
function* planPorts(
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

function refill(view: NodeView): readonly NftOperation[] {
  const { chain, rules } = planClusterIpsCheck(view.serviceCidrs);
  return [
    { op: 'flush-chain', chain: chain.name },
    ...rules.map((rule) => ({ op: 'add-rule', chain: chain.name, rule }) as const),
  ];
}
