import { type Clock, type Counter, isAborted, type Logger } from '@nodeagent/base';
import { Reconciler, serviceFamily, type ServiceId } from '@nodeagent/ipvs';
import { type Iptables, renderAppend } from '@nodeagent/netfilter';

import { cidrContains } from '../../model/address.js';
import { matchingAddresses, type NodePortAddresses } from '../../model/node-ports.js';
import type { ServicePort } from '../../model/service.js';
import { type Forwarding, ForwardingPlanner } from '../../plan/ipvs/forwarding.js';
import {
  IPVS_CHAINS,
  IPVS_JUMPS,
  type IpvsRuleSettings,
  planIpvsRules,
} from '../../plan/ipvs/rules.js';
import type { NodeView, ViewChange } from '../../plan/node-view.js';
import type { Backend, NetlinkAccess, Problems } from '../../ports.js';
import { cleanupBeside } from '../iptables/cleanup.js';
import { SetMirror } from './set-mirror.js';

export interface IpvsBackendOptions extends Pick<
  NetlinkAccess,
  'ipvs' | 'ipset' | 'serviceInterface'
> {
  readonly iptables: Iptables;
  readonly settings: IpvsRuleSettings;
  readonly nodePortAddresses: NodePortAddresses;
  /** Virtual servers in these ranges belong to other programs. */
  readonly excludeCidrs: readonly string[];
  readonly syncPeriodMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly restoreFailures: Counter;
  readonly problems: Problems;
}

/**
 * Period between checks of draining destinations, which are gone within a minute of their last
 * connection.
 */
const DRAIN_EVERY_MS = 10_000;
const FIRST_RETRY_MS = 1000;

/**
 * Programs virtual servers by netlink, a fixed set of iptables rules over address sets, and a dummy
 * interface that holds the addresses. A sync without changes costs one dump of the services and one
 * of the addresses; every sync period everything is compared with the kernel.
 *
 * Rules and sets come before virtual servers, and addresses last, so that no packet meets an
 * incomplete setup.
 */
export class IpvsBackend implements Backend {
  readonly #options: IpvsBackendOptions;
  readonly #planner: ForwardingPlanner;
  readonly #reconciler: Reconciler;
  readonly #sets: SetMirror;
  /** Text of the rules in the kernel; undefined when not known. */
  #rules: string | undefined;
  #needsFull = true;
  #isCleanedUp = false;
  /** Service ports that were reported because another port owns their address, by label. */
  #reported: Forwarding['taken'] = new Map();
  /** Ends the pause of {@link watch} early. */
  #wake = new AbortController();
  #retryMs: number | undefined;

  constructor(options: IpvsBackendOptions) {
    const { ipvs, ipset, clock, settings } = options;
    this.#options = options;
    this.#planner = new ForwardingPlanner(settings);
    const manages = (id: ServiceId): boolean => this.#manages(id);
    this.#reconciler = new Reconciler({ ipvs, clock, manages, drain: {} });
    this.#sets = new SetMirror(ipset, settings.family);
  }

  requestFull(): void {
    this.#needsFull = true;
  }

  async sync(
    view: NodeView,
    _change: ViewChange,
    signal: AbortSignal,
  ): Promise<'full' | 'partial'> {
    const isFull = this.#needsFull;
    this.#needsFull = true; // until everything below has succeeded
    if (isFull) this.#forget();
    try {
      await this.#write(view, isFull, signal);
    } catch (error) {
      this.#retrySoon();
      throw error;
    }
    this.#needsFull = false;
    this.#retryMs = undefined;
    return isFull ? 'full' : 'partial';
  }

  /**
   * Requests a full comparison every period, sooner after a failure, and removes drained
   * destinations.
   */
  async watch(onLost: () => void, signal: AbortSignal): Promise<void> {
    const { clock, syncPeriodMs } = this.#options;
    let dueMs = clock.monotonicMs() + syncPeriodMs;
    while (!signal.aborted) {
      const leftMs = dueMs - clock.monotonicMs();
      const pauseMs = Math.max(0, Math.min(leftMs, this.#retryMs ?? Infinity, DRAIN_EVERY_MS));
      const awake = AbortSignal.any([signal, this.#wake.signal]);
      const slept = await clock.sleep(pauseMs, awake);
      if (isAborted(signal)) return;
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
      await this.#drain(signal);
      const isRetry = this.#retryMs !== undefined && slept === 'elapsed';
      if (!isRetry && clock.monotonicMs() < dueMs) continue;
      this.#needsFull = true;
      onLost();
      dueMs = clock.monotonicMs() + syncPeriodMs;
    }
  }

  async #write(view: NodeView, isFull: boolean, signal: AbortSignal): Promise<void> {
    const { serviceInterface, settings } = this.#options;
    const { family } = settings;
    if (isFull) await serviceInterface.ensure(signal);
    const { own, others } = await serviceInterface.list(family, signal);
    const plan = this.#planner.plan(view, {
      nodePortIps: this.#nodePortIps(others),
      others: new Set(others),
    });
    await this.#sets.addNew(plan.sets, signal);
    await this.#writeRules(plan, signal);
    await this.#cleanUpOnce(signal);
    await this.#reconciler.sync(plan.servers, { verify: isFull, signal });
    const held = new Set(own);
    const missing = [...plan.addresses].filter((ip) => !held.has(ip));
    await serviceInterface.add(missing, signal);
    const stale = own.filter((ip) => !plan.addresses.has(ip));
    await serviceInterface.remove(stale, signal);
    await this.#sets.deleteOld(plan.sets, signal);
    this.#report(plan);
  }

  async #writeRules(plan: Forwarding, signal: AbortSignal): Promise<void> {
    const { iptables, settings, restoreFailures } = this.#options;
    const tables = planIpvsRules(plan, settings);
    const text = tables.flatMap(({ lines }) => [...lines]).join('');
    if (text === this.#rules) return;
    const isFirst = this.#rules === undefined;
    this.#rules = undefined;
    try {
      await iptables.restore(tables, signal);
    } catch (error) {
      restoreFailures.increment({ ip_family: settings.family });
      throw error;
    }
    if (isFirst) await this.#ensureJumps(signal);
    this.#rules = text;
  }

  /**
   * Two listings show which jumps are missing: one program per jump would take several times as
   * long.
   */
  async #ensureJumps(signal: AbortSignal): Promise<void> {
    const { iptables } = this.#options;
    for (const table of ['nat', 'filter'] as const) {
      const lines = new Set((await iptables.save(table, signal)).split('\n'));
      for (const jump of IPVS_JUMPS) {
        const isThere = jump.table !== table || lines.has(renderAppend(jump.chain, jump.rule));
        if (!isThere) await iptables.ensureRule(jump, 'first', signal);
      }
    }
  }

  /**
   * Leftovers of other modes are searched once: no other program creates them while this one runs.
   */
  async #cleanUpOnce(signal: AbortSignal): Promise<void> {
    if (this.#isCleanedUp) return;
    const { iptables, log, settings } = this.#options;
    const kept = { chains: IPVS_CHAINS, jumps: IPVS_JUMPS };
    for (const error of await cleanupBeside(iptables, kept, signal)) {
      const fields = { err: error, family: settings.family };
      log.warn(fields, 'rules of iptables mode may still exist');
    }
    this.#isCleanedUp = true;
  }

  #forget(): void {
    this.#rules = undefined;
    this.#sets.forget();
  }

  #retrySoon(): void {
    const { syncPeriodMs } = this.#options;
    const next = this.#retryMs === undefined ? FIRST_RETRY_MS : 2 * this.#retryMs;
    this.#retryMs = Math.min(next, syncPeriodMs);
    this.#wake.abort();
  }

  async #drain(signal: AbortSignal): Promise<void> {
    if (this.#reconciler.draining === 0) return;
    try {
      await this.#reconciler.drain(signal);
    } catch (error) {
      signal.throwIfAborted();
      const { log, settings } = this.#options;
      log.warn({ err: error, family: settings.family }, 'draining destinations were not checked');
    }
  }

  #nodePortIps(others: readonly string[]): readonly string[] {
    const { nodePortAddresses } = this.#options;
    return nodePortAddresses.matchesAll ? others : matchingAddresses(nodePortAddresses, others);
  }

  #manages(id: ServiceId): boolean {
    const { settings, excludeCidrs } = this.#options;
    if (id.kind === 'mark' || serviceFamily(id) !== settings.family) return false;
    return !excludeCidrs.some((cidr) => cidrContains(cidr, id.address));
  }

  #report({ taken }: Forwarding): void {
    for (const [label, port] of this.#reported) if (!taken.has(label)) this.#set(port, []);
    for (const [label, port] of taken) {
      this.#set(port, [`an address and port of ${label} is already served for another Service`]);
    }
    this.#reported = taken;
  }

  #set({ service, portName, protocol }: ServicePort, messages: readonly string[]): void {
    const { problems, settings } = this.#options;
    const part = `ipvs ${settings.family} ${portName} ${protocol}`;
    problems.set({ kind: 'Service', name: service, part }, messages);
  }
}
