import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import type { KernelCounterTable } from '../../../../src/ports.js';
import { RuleCounters } from '../../../../src/run/iptables/rule-counters.js';

const DROPPED = 'kubeproxy_iptables_ct_state_invalid_dropped_packets_total';
const signal = new AbortController().signal;

let kernel: Map<string, bigint>;
let lacks: string;
let metrics: MemoryMetrics;
let log: MemoryLogger;

const table: KernelCounterTable = {
  ensure: async (name) => {
    if (name === lacks) throw new Error(`nfacct add ${name}: EOPNOTSUPP`);
    if (kernel.has(name)) return 'existed';
    kernel.set(name, 0n);
    return 'created';
  },
  read: async (name) => {
    const packets = kernel.get(name);
    return packets === undefined ? undefined : { packets, bytes: 0n };
  },
};
const counters = () => new RuleCounters({ openCounters: async () => table, metrics, log });

beforeEach(() => {
  kernel = new Map();
  lacks = '';
  metrics = new MemoryMetrics();
  log = new MemoryLogger();
});

describe(RuleCounters, () => {
  it("creates the counters and shows the kernel's counts", async () => {
    const own = counters();
    expect(await own.ensure(signal)).toEqual({ invalidDropped: true, localhostNodePorts: true });
    expect([...kernel.keys()]).toEqual([
      'ct_state_invalid_dropped_pkts',
      'localhost_nps_accepted_pkts',
    ]);
    for (const packets of [7n, 9n, 2n]) {
      kernel.set('ct_state_invalid_dropped_pkts', packets); // the last counter was created again
      await own.refresh(signal);
    }
    expect(metrics.values.get(DROPPED)).toBe(11);
  });

  it('omits a counter that the kernel refuses, and reports it once', async () => {
    lacks = 'ct_state_invalid_dropped_pkts';
    const own = counters();
    const want = { invalidDropped: false, localhostNodePorts: true };
    expect([await own.ensure(signal), await own.ensure(signal)]).toEqual([want, want]);
    expect(log.lines).toHaveLength(1);
    expect(metrics.values.has(DROPPED)).toBe(false);
  });

  it('omits all counters when there is no netlink', async () => {
    const openCounters = async (): Promise<KernelCounterTable> => {
      throw new Error('no add-on for this machine');
    };
    const own = new RuleCounters({ openCounters, metrics, log });
    const none = { invalidDropped: false, localhostNodePorts: false };
    expect(await own.ensure(signal)).toEqual(none);
    expect(await new RuleCounters({ metrics, log }).ensure(signal)).toEqual(none);
    await own.refresh(signal);
    expect(metrics.values.size).toBe(0);
  });
});
