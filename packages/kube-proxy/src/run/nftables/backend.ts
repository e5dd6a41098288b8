import type { Clock, Logger } from '@nodeagent/base';
import { isNetfilterError } from '@nodeagent/netfilter';
import type { NftOperation, NftTable } from '@nodeagent/netfilter/nftables';

import { isLoopback } from '../../model/address.js';
import type { NftablesMetrics } from '../../model/nftables-metrics.js';
import { matchingAddresses, type NodePortAddresses } from '../../model/node-ports.js';
import type { NftMirror } from '../../plan/nftables/mirror.js';
import type { NftSettings } from '../../plan/nftables/settings.js';
import { planClusterIpsCheck } from '../../plan/nftables/static-chains.js';
import type { NodeView, ViewChange } from '../../plan/node-view.js';
import type { Backend, Interfaces, Problems } from '../../ports.js';
import { RefusedPorts } from './refused-ports.js';
import { planPorts, TableWriter } from './table-writer.js';

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

/** How often somebody may spoil the table while it is being mended, until the sync fails. */
const FULL_ATTEMPTS = 5;

/** Before Linux 6.2 a chain is in use for a moment after the last element that led to it went. */
const STALE_CHAIN_MS = 1000;

/** The backend's knowledge of the kernel's table. */
type TableState =
  /** Nothing: no sync yet, the last one failed midway, or one of everything was asked for. */
  | Readonly<{ kind: 'unknown' }>
  /** Somebody else has changed it: what is written next is a repair. */
  | Readonly<{ kind: 'spoilt' }>
  /** A sync is under way; what it leaves is known at its end. */
  | Readonly<{ kind: 'syncing' }>
  | Mirrored;

/** The table is what the mirror says. */
interface Mirrored {
  readonly kind: 'mirrored';
  readonly mirror: NftMirror;
  /** Node port addresses that it was written for. */
  readonly nodePortIps: string;
  /** When everything was last compared with the kernel, monotonic. */
  readonly comparedAtMs: number;
  /** Since when it has chains that nothing leads to any more, monotonic; undefined while it has none. */
  readonly staleSinceMs: number | undefined;
}

/** The nftables mode of one address family: one table, and a mirror of what was put into it. */
export class NftablesBackend implements Backend {
  readonly #options: NftablesBackendOptions;
  readonly #refused: RefusedPorts;
  readonly #writer: TableWriter;
  #state: TableState = { kind: 'unknown' };

  constructor(options: NftablesBackendOptions) {
    const { table, log, problems, clock, settings } = options;
    this.#options = options;
    this.#refused = new RefusedPorts({ problems, clock }, settings.family);
    this.#writer = new TableWriter({ table, log, refused: this.#refused });
  }

  async sync(view: NodeView, change: ViewChange, signal: AbortSignal): Promise<'full' | 'partial'> {
    for (const key of [...change.changedPorts, ...change.removedPorts]) this.#refused.forget(key);
    const before = this.#state;
    if (before.kind !== 'spoilt') this.#state = { kind: 'syncing' };
    try {
      if (this.#options.table.mustBeWhole) {
        await this.#writer.rewrite({ view, settings: this.#settings() }, signal);
        this.#leave({ kind: 'unknown' });
        return 'full';
      }
      const changed = await this.#partial(before, { view, change }, signal);
      this.#leave(changed ?? (await this.#full(view, signal)));
      return changed === undefined ? 'full' : 'partial';
    } catch (error) {
      this.#leave({ kind: 'unknown' });
      const { metrics } = this.#options;
      if (!signal.aborted) metrics.syncFailures.increment({ ip_family: view.family });
      throw error;
    }
  }

  requestFull(): void {
    if (this.#state.kind !== 'spoilt') this.#state = { kind: 'unknown' };
  }

  async watch(onLost: () => void, signal: AbortSignal): Promise<void> {
    const { table, log, settings } = this.#options;
    const stale = this.#watchStaleChains(onLost, signal);
    const retrying = this.#refused.run(onLost, signal);
    await table.watch(() => {
      log.info({ family: settings.family }, 'someone else changed our table; it is mended');
      this.#state = { kind: 'spoilt' };
      onLost();
    }, signal);
    await Promise.all([stale, retrying]);
  }

  /** The end of a sync; what was reported of the table meanwhile counts for more. */
  #leave(state: TableState): void {
    if (this.#state.kind === 'syncing') this.#state = state;
  }

  /** @returns undefined where everything has to be written */
  async #partial(
    state: TableState,
    { view, change }: Readonly<{ view: NodeView; change: ViewChange }>,
    signal: AbortSignal,
  ): Promise<Mirrored | undefined> {
    if (state.kind !== 'mirrored') return undefined;
    const { table, log, clock } = this.#options;
    const { mirror, comparedAtMs, nodePortIps } = state;
    if (clock.monotonicMs() - comparedAtMs > FULL_INTERVAL_MS) return undefined;
    if (nodePortIps !== String(this.#settings().nodePortIps)) return undefined;
    try {
      const staleSinceMs = await this.#deleteStaleChains(state, signal);
      const keys = [...change.removedPorts, ...change.changedPorts];
      const operations = [...planPorts(mirror, keys, (key) => view.ports.get(key))];
      if (change.serviceCidrsChanged) operations.push(...refill(view));
      if (operations.length > 0) await table.apply(operations, signal);
      const left = this.#mirrored(mirror, { nodePortIps, comparedAtMs, staleSinceMs });
      this.#refused.reportDenied(mirror, view, keys);
      await this.#refused.retryIfDue((again) =>
        this.#writer.applySome(mirror, { view, keys: again }, signal),
      );
      return left;
    } catch (error) {
      signal.throwIfAborted();
      if (!isNetfilterError(error, 'NETFILTER_CHANGED', 'NETFILTER_REFUSED')) throw error;
      log.info({ family: view.family, why: error.message }, 'everything is written anew');
      return undefined;
    }
  }

  async #full(view: NodeView, signal: AbortSignal): Promise<Mirrored> {
    const { table, log, metrics, clock } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const found = await table.inventory(signal);
        if (this.#state.kind === 'spoilt') {
          metrics.repairs.increment({ ip_family: view.family });
          this.#state = { kind: 'syncing' };
        }
        const settings = this.#settings();
        const mirror = await this.#writer.fill({ view, settings }, found, signal);
        this.#refused.tried();
        this.#refused.reportDenied(mirror, view, view.ports.keys());
        return this.#mirrored(mirror, {
          nodePortIps: String(settings.nodePortIps),
          comparedAtMs: clock.monotonicMs(),
          staleSinceMs: undefined,
        });
      } catch (error) {
        signal.throwIfAborted();
        const isChanged = isNetfilterError(error, 'NETFILTER_CHANGED');
        if (!isChanged || attempt === FULL_ATTEMPTS) throw error;
        log.debug({ family: view.family, attempt }, 'the table changed while it was written');
      }
    }
  }

  #mirrored(
    mirror: NftMirror,
    {
      nodePortIps,
      comparedAtMs,
      staleSinceMs,
    }: Pick<Mirrored, 'nodePortIps' | 'comparedAtMs' | 'staleSinceMs'>,
  ): Mirrored {
    const nowMs = this.#options.clock.monotonicMs();
    const sinceMs = mirror.staleChains.size > 0 ? (staleSinceMs ?? nowMs) : staleSinceMs;
    return { kind: 'mirrored', mirror, nodePortIps, comparedAtMs, staleSinceMs: sinceMs };
  }

  /** @returns since when there are stale chains, as {@link Mirrored} has it */
  async #deleteStaleChains(
    { mirror, staleSinceMs }: Mirrored,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { clock, table, log, metrics, settings } = this.#options;
    if (staleSinceMs === undefined || clock.monotonicMs() - staleSinceMs < STALE_CHAIN_MS) {
      return staleSinceMs;
    }
    const names = [...mirror.staleChains];
    try {
      const operations = names.map((chain) => ({ op: 'delete-chain', chain }) as const);
      if (names.length > 0) await table.apply(operations, signal);
      mirror.chainsDeleted(names);
      return undefined;
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
      const sinceMs = this.#state.kind === 'mirrored' ? this.#state.staleSinceMs : undefined;
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
}

function refill(view: NodeView): readonly NftOperation[] {
  const { chain, rules } = planClusterIpsCheck(view.serviceCidrs);
  return [
    { op: 'flush-chain', chain: chain.name },
    ...rules.map((rule) => ({ op: 'add-rule', chain: chain.name, rule }) as const),
  ];
}
