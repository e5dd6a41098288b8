import type { Clock, Logger } from '@nodeagent/base';
import { chainNames, type Iptables, isNetfilterError } from '@nodeagent/netfilter';

import type { IptablesMetrics } from '../../model/iptables-metrics.js';
import type { NodePortAddresses } from '../../model/node-ports.js';
import { JUMPS } from '../../plan/iptables/jumps.js';
import { isServiceChain } from '../../plan/iptables/names.js';
import {
  findRestoreLine,
  planRestore,
  type PortText,
  type RefusedLine,
  renderPort,
  type RestorePlan,
} from '../../plan/iptables/restore-input.js';
import {
  LARGE_CLUSTER_ENDPOINTS,
  type RuleSettings,
  type SyncSettings,
} from '../../plan/iptables/settings.js';
import { syncSettingsOf } from '../../plan/iptables/settings-of.js';
import { countStaticRules, staticChains } from '../../plan/iptables/static-rules.js';
import type { NodeView, PortView, ViewChange } from '../../plan/node-view.js';
import type { Backend, Interfaces, Problems } from '../../ports.js';
import { RefusedRetry } from '../refused-retry.js';
import { watchCanaries } from './canary.js';
import { restoreAround } from './restore-around.js';
import type { RuleCounters } from './rule-counters.js';

export interface IptablesBackendOptions {
  readonly iptables: Iptables;
  /**
   * Inserts the jumps to our chains while these are empty, for tools that rewrite a table for each
   * rule.
   */
  readonly jumpsFirst?: boolean;
  readonly settings: RuleSettings;
  readonly nodePortAddresses: NodePortAddresses;
  readonly interfaces: Interfaces;
  readonly syncPeriodMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: IptablesMetrics;
  readonly problems: Problems;
  readonly counters: Pick<RuleCounters, 'ensure'>;
}

/** In small clusters everything is written again this often, even without changes. */
const FULL_SYNC_EVERY_MS = 3_600_000;

/**
 * Writes upstream's rules with iptables-restore. Syncs write the changes; the first sync, those
 * after a failure and an hourly one write everything. The restore that stops using a chain also
 * removes it.
 */
export class IptablesBackend implements Backend {
  readonly #options: IptablesBackendOptions;
  /** The last rendered text of every port in the view. */
  readonly #texts = new Map<string, PortText>();
  /** Chains of ports that the kernel may hold, but no port needs any longer. */
  readonly #stale = new Set<string>();
  /**
   * Ports whose rules the kernel refused: left out until they change, or until a later full sync
   * tries them again.
   */
  readonly #refused = new Map<string, PortView>();
  /** The refused ports whose chains have been given up. */
  readonly #dropped = new Map<string, PortView>();
  #counters: RuleSettings['counters'];
  #needsFull = true;
  #lastFullMs = Number.NEGATIVE_INFINITY;
  readonly #retry: RefusedRetry;
  /** True once the chains in the kernel have been read; from then on they are tracked. */
  #scanned = false;
  #largeCluster = false;

  constructor(options: IptablesBackendOptions) {
    this.#options = options;
    this.#counters = options.settings.counters;
    this.#retry = new RefusedRetry(options.clock);
  }

  requestFull(): void {
    this.#needsFull = true;
  }

  async sync(view: NodeView, change: ViewChange, signal: AbortSignal): Promise<'full' | 'partial'> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const overdue = startedMs - this.#lastFullMs > FULL_SYNC_EVERY_MS && !this.#largeCluster;
    const isFirstTryFull = this.#needsFull || overdue;
    this.#needsFull = true; // until everything below has succeeded
    this.#largeCluster = view.endpointCount > LARGE_CLUSTER_ENDPOINTS;
    this.#forget(change);
    if (isFirstTryFull) {
      this.#takeBackRefused();
      await this.#ensureCounters(signal);
    }
    const settings = this.#syncSettings(view);
    this.#renderTexts(view, settings);
    if (isFirstTryFull || !this.#scanned) await this.#scanForStale(signal);
    const staleChains = [...this.#stale];
    const textOf = (key: string, port: PortView): PortText =>
      this.#texts.get(key) ?? renderPort(port, settings);
    const plan = { view, settings, textOf, staleChains };
    const partial = { ...plan, write: change.changedPorts };
    const kind = !isFirstTryFull && (await this.#tryPartial(partial, signal)) ? 'partial' : 'full';
    if (kind === 'full') {
      const { jumpsFirst } = this.#options;
      if (jumpsFirst) await this.#ensureJumps(settings, signal);
      await this.#restoreAll({ ...plan, write: 'all' }, signal);
      if (!jumpsFirst) await this.#ensureJumps(settings, signal);
      this.#lastFullMs = startedMs;
      this.#retry.tried(this.#refused.size > 0);
    }
    for (const chain of staleChains) this.#stale.delete(chain);
    for (const [key, port] of this.#refused) this.#dropChains(key, port);
    this.#countRules(view, settings, kind === 'full' ? 'all' : change.changedPorts);
    this.#needsFull = false;
    return kind;
  }

  async watch(onLost: () => void, signal: AbortSignal): Promise<void> {
    const { iptables, clock, log, syncPeriodMs } = this.#options;
    const lost = (): void => {
      this.#needsFull = true;
      onLost();
    };
    await Promise.all([
      watchCanaries({ iptables, clock, log, periodMs: syncPeriodMs, onLost: lost }, signal),
      this.#retry.run(lost, signal),
    ]);
  }

  /** @returns false when the kernel refused it: objects that it relies on may be gone */
  async #tryPartial(plan: RestorePlan, signal: AbortSignal): Promise<boolean> {
    const { metrics } = this.#options;
    try {
      await this.#restore({ ...plan, skip: new Set(this.#refused.keys()) }, signal);
      return true;
    } catch (error) {
      metrics.partialRestoreFailures.increment({ ip_family: plan.view.family });
      if (signal.aborted || !isRefusal(error)) throw error;
      return false;
    }
  }

  /** Writes everything except ports whose rules are refused. */
  async #restoreAll(plan: RestorePlan, signal: AbortSignal): Promise<void> {
    const { view } = plan;
    const before = new Map(this.#refused);
    this.#refused.clear();
    const refused = await restoreAround({
      restore: (skip) => this.#restore({ ...plan, skip }, signal),
      blame: (error, skip) => this.#lineOf({ ...plan, skip }, error)?.key,
      isRefusal: (error) => !signal.aborted && isRefusal(error),
      suspects: [...view.ports.keys()],
    });
    for (const [key, why] of refused) {
      const port = view.ports.get(key);
      if (port === undefined) continue;
      this.#refused.set(key, port);
      this.#report(port, [`the kernel refuses the ${view.family} rules of port ${key}: ${why}`]);
    }
    for (const [key, port] of before) if (!refused.has(key)) this.#report(port, []);
  }

  /**
   * The chains of refused ports are wanted again: the restore that writes them must not remove
   * them.
   */
  #takeBackRefused(): void {
    for (const key of this.#refused.keys()) {
      this.#dropped.delete(key);
      for (const chain of this.#texts.get(key)?.chains ?? []) this.#stale.delete(chain);
    }
  }

  async #restore(plan: RestorePlan, signal: AbortSignal): Promise<void> {
    const { iptables, log, metrics } = this.#options;
    try {
      await iptables.restore(planRestore(plan), signal);
    } catch (error) {
      signal.throwIfAborted();
      const { family } = plan.view;
      metrics.restoreFailures.increment({ ip_family: family });
      log.warn({ family, text: this.#lineOf(plan, error)?.text, err: error }, 'restore failed');
      throw error;
    }
  }

  #lineOf(plan: RestorePlan, error: unknown): RefusedLine | undefined {
    const { line } = error as { line?: number };
    return line === undefined ? undefined : findRestoreLine(plan, line);
  }

  /** A port that is left out must not continue to forward to its earlier endpoints. */
  #dropChains(key: string, port: PortView): void {
    if (this.#dropped.get(key) === port) return;
    this.#dropped.set(key, port);
    for (const chain of this.#texts.get(key)?.chains ?? []) this.#stale.add(chain);
  }

  #report({ service }: PortView, messages: readonly string[]): void {
    const { problems, settings } = this.#options;
    const part = `iptables ${settings.family} ${service.portName} ${service.protocol}`;
    problems.set({ kind: 'Service', name: service.service, part }, messages);
  }

  /** Rules may only name existing counters. */
  async #ensureCounters(signal: AbortSignal): Promise<void> {
    const before = JSON.stringify(this.#counters);
    this.#counters = await this.#options.counters.ensure(signal);
    // chains and their names stay the same: only texts are rendered again
    if (JSON.stringify(this.#counters) !== before) this.#texts.clear();
  }

  #syncSettings({ endpointCount }: NodeView): SyncSettings {
    const { nodePortAddresses, interfaces } = this.#options;
    const settings = { ...this.#options.settings, counters: this.#counters };
    return syncSettingsOf(settings, nodePortAddresses, {
      hostAddresses: nodePortAddresses.matchesAll ? [] : interfaces.addresses(settings.family),
      endpointCount,
    });
  }

  /** Drops the text of changed ports; their chains are stale unless rendered again. */
  #forget({ changedPorts, removedPorts }: ViewChange): void {
    for (const key of [...changedPorts, ...removedPorts]) {
      const refused = this.#refused.get(key);
      if (refused !== undefined) this.#report(refused, []);
      this.#refused.delete(key);
      this.#dropped.delete(key);
      for (const chain of this.#texts.get(key)?.chains ?? []) this.#stale.add(chain);
      this.#texts.delete(key);
    }
  }

  #renderTexts(view: NodeView, settings: SyncSettings): void {
    for (const [key, port] of view.ports) {
      if (this.#texts.has(key)) continue;
      const text = renderPort(port, settings);
      for (const chain of text.chains) this.#stale.delete(chain);
      this.#texts.set(key, text);
    }
  }

  /**
   * With iptables-nft this comes after the restore: filling a chain that no hook leads to yet takes
   * a quarter of the time (1,000 Services × 10: 1.4 s instead of 6.4 s). With iptables-legacy it
   * comes before, because each jump reads or writes the whole table: with 5,000 Services × 10 the
   * jumps take half as long again as the restore. A legacy restore is one step, so no packet sees
   * half of the rules.
   */
  async #ensureJumps(settings: SyncSettings, signal: AbortSignal): Promise<void> {
    const { iptables, jumpsFirst = false } = this.#options;
    const { filter, nat } = staticChains(settings);
    const restored = [
      ...filter.map((chain) => `filter ${chain}`),
      ...nat.map((chain) => `nat ${chain}`),
    ];
    const made = new Set(jumpsFirst ? [] : restored);
    for (const jump of JUMPS) {
      const { target } = jump.rule;
      const chain = target?.kind === 'jump' ? target.chain : '';
      const key = `${jump.table} ${chain}`;
      if (!made.has(key)) await iptables.ensureChain(jump.table, chain, signal);
      made.add(key);
      await iptables.ensureRule(jump, 'first', signal);
    }
  }

  /**
   * Finds chains that an earlier process, or another version, left behind. Full syncs do this,
   * others need not: this process knows which chains it stops using without listing the table,
   * which takes iptables-nft seconds with tens of thousands of chains.
   */
  async #scanForStale(signal: AbortSignal): Promise<void> {
    const { iptables, log } = this.#options;
    this.#scanned = false;
    const active = new Set<string>();
    for (const { chains } of this.#texts.values()) for (const chain of chains) active.add(chain);
    try {
      for (const chain of chainNames(await iptables.save('nat', signal))) {
        if (isServiceChain(chain) && !active.has(chain)) this.#stale.add(chain);
      }
      this.#scanned = true;
    } catch (error) {
      signal.throwIfAborted();
      log.error({ err: error }, 'cannot search for stale chains; will retry');
    }
  }

  #countRules(view: NodeView, settings: SyncSettings, write: 'all' | ReadonlySet<string>): void {
    const { rules, rulesWritten } = this.#options.metrics;
    const fixed = countStaticRules(settings);
    let { filter, nat } = fixed;
    let skipped = 0;
    for (const [key, text] of this.#texts) {
      filter += text.filterRuleCount;
      nat += text.natRuleCount + text.serviceRuleCount;
      if (write !== 'all' && !write.has(key)) skipped += text.serviceRuleCount;
    }
    const labels = { ip_family: view.family };
    rules.set(filter, { ...labels, table: 'filter' });
    rulesWritten.set(filter, { ...labels, table: 'filter' });
    rules.set(nat, { ...labels, table: 'nat' });
    rulesWritten.set(nat - skipped, { ...labels, table: 'nat' });
  }
}

/** True when the tool understood the input but did not accept it: other input may succeed. */
function isRefusal(error: unknown): boolean {
  return isNetfilterError(error, 'NETFILTER_COMMAND_FAILED', 'NETFILTER_NAME');
}
