import type { Counter, Logger, Metrics } from '@nodeagent/base';

import { COUNTER } from '../../plan/iptables/names.js';
import type { RuleSettings } from '../../plan/iptables/settings.js';
import type { KernelCounterTable } from '../../ports.js';

type Usable = RuleSettings['counters'];
type Key = keyof Usable;

const KEYS: readonly Key[] = ['invalidDropped', 'localhostNodePorts'];

const NONE: Usable = { invalidDropped: false, localhostNodePorts: false };

/** @see Kubernetes 1.36 pkg/proxy/metrics/metrics.go */
const METRICS = {
  invalidDropped: {
    name: 'kubeproxy_iptables_ct_state_invalid_dropped_packets_total',
    help: 'Packets dropped because connection tracking found no connection for them.',
  },
  localhostNodePorts: {
    name: 'kubeproxy_iptables_localhost_nodeports_accepted_packets_total',
    help: 'Accepted packets to node ports on loopback.',
  },
} as const;

export interface RuleCountersOptions {
  /** Throws when there is no netlink; absent means the same. */
  readonly openCounters?: (() => Promise<KernelCounterTable>) | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * The kernel's counters that rules increase. A missing counter is logged once, and the rules omit
 * it.
 */
export class RuleCounters {
  readonly #options: RuleCountersOptions;
  readonly #published = new Map<Key, { metric: Counter; seen: bigint }>();
  #table: KernelCounterTable | undefined;
  #usable: Usable = NONE;
  #said = false;

  constructor(options: RuleCountersOptions) {
    this.#options = options;
  }

  /** Creates the missing counters; called before rules that name them are written. */
  async ensure(signal: AbortSignal): Promise<Usable> {
    const { openCounters } = this.#options;
    if (openCounters === undefined) return NONE;
    const usable = { ...NONE };
    for (const key of KEYS) {
      try {
        this.#table ??= await openCounters();
        await this.#table.ensure(COUNTER[key], signal);
        usable[key] = true;
        this.#publish(key);
      } catch (error) {
        signal.throwIfAborted();
        this.#say(error);
      }
    }
    this.#usable = usable;
    return usable;
  }

  /** Copies the kernel's counts into the metrics; called before these are read. */
  async refresh(signal: AbortSignal): Promise<void> {
    for (const [key, published] of this.#published) {
      if (!this.#usable[key]) continue;
      try {
        const now = (await this.#table?.read(COUNTER[key], signal))?.packets ?? 0n;
        // a counter that was created again starts at 0
        const more = now >= published.seen ? now - published.seen : now;
        published.seen = now;
        published.metric.increment({}, Number(more));
      } catch (error) {
        signal.throwIfAborted();
        this.#options.log.warn({ err: error, counter: COUNTER[key] }, 'counter not read');
      }
    }
  }

  #publish(key: Key): void {
    if (this.#published.has(key)) return;
    const metric = this.#options.metrics.counter(METRICS[key]);
    metric.increment({}, 0);
    this.#published.set(key, { metric, seen: 0n });
  }

  #say(error: unknown): void {
    if (this.#said) return;
    this.#said = true;
    const message = 'dropped packets are not counted: the kernel offers no named counters';
    this.#options.log.info({ err: error }, message);
  }
}
