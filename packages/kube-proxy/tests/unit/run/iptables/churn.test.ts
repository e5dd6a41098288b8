import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryIptables } from '@nodeagent/netfilter/testing';
import { createDice } from '@nodeagent/testbed/chance';
import { describe, expect, it } from 'vitest';

import { iptablesMetrics } from '../../../../src/model/iptables-metrics.js';
import { nodePortAddresses } from '../../../../src/model/node-ports.js';
import type { SyncSettings } from '../../../../src/plan/iptables/settings.js';
import { planWholeTables } from '../../../../src/plan/iptables/whole-tables.js';
import { IptablesBackend } from '../../../../src/run/iptables/backend.js';
import { aCluster, aService, aSlice, type Cluster } from '../../../../src/testing/index.js';
import { baseSettings } from '../../../golden/examples.js';

const STEPS = 250;
const SERVICES = 8;
const signal = new AbortController().signal;
const NO_COUNTERS = { invalidDropped: false, localhostNodePorts: false };

class Churn {
  readonly iptables = new MemoryIptables('IPv4');
  readonly cluster: Cluster = aCluster([]);
  readonly #random: (below: number) => number;
  readonly #clock = new ManualClock();
  #backend = this.#start();

  constructor(seed: number) {
    this.#random = createDice(seed).below;
  }

  /**
   * Makes one event happen to the cluster, the kernel or the process; then syncs until a sync
   * succeeds.
   */
  async step(): Promise<void> {
    const what = this.#random(20);
    if (what < 8) this.#changeEndpoints();
    else if (what < 14) this.#changeService();
    else if (what === 14) this.#backend = this.#start();
    else if (what === 15) await this.#flush();
    else if (what === 16) this.iptables.failRestoreWith = new Error('no memory');
    for (let tries = 0; tries < 3; tries += 1) {
      try {
        const change = this.cluster.builder.update();
        await this.#backend.sync(this.cluster.builder.view, change, signal);
        return;
      } catch {
        this.iptables.failRestoreWith = undefined;
      }
    }
    throw new Error('three syncs failed');
  }

  #start(): IptablesBackend {
    // a new process has a new brain; keeping the old one here only makes the test stricter
    return new IptablesBackend({
      iptables: this.iptables,
      settings: baseSettings,
      nodePortAddresses: nodePortAddresses('IPv4', []),
      interfaces: { addresses: () => [] },
      syncPeriodMs: 30_000,
      clock: this.#clock,
      log: new MemoryLogger(),
      metrics: iptablesMetrics(new MemoryMetrics()),
      counters: { ensure: async () => NO_COUNTERS },
      problems: { set: () => undefined },
    });
  }

  #changeEndpoints(): void {
    const n = this.#random(SERVICES);
    const name = `default/s${n}`;
    const count = this.#random(4);
    const port = { port: 80, protocol: 'TCP', name: 'http' };
    const endpoints = Array.from({ length: count }, () => ({
      ip: `10.0.${n}.${1 + this.#random(5)}`,
      ...(this.#random(2) === 0 ? { nodeName: 'node-a' } : {}),
      ready: this.#random(4) > 0,
      serving: this.#random(4) > 0,
      terminating: this.#random(4) === 0,
    }));
    if (count === 0) this.cluster.remove(aSlice(name, [port], []));
    else this.cluster.put(aSlice(name, [port], endpoints));
  }

  #changeService(): void {
    const n = this.#random(SERVICES);
    const name = `default/s${n}`;
    const pick = <T>(...all: readonly T[]): T => all[this.#random(all.length)] as T;
    const service = aService(
      name,
      {
        clusterIP: `10.96.0.${n + 1}`,
        type: pick('ClusterIP', 'NodePort', 'LoadBalancer'),
        sessionAffinity: pick('None', 'ClientIP'),
        externalTrafficPolicy: pick('Cluster', 'Local'),
        internalTrafficPolicy: pick('Cluster', 'Local'),
        externalIPs: pick([], ['203.0.113.1']),
        loadBalancerSourceRanges: pick([], ['192.168.0.0/16']),
        ports: [{ port: 80, protocol: 'TCP', name: 'http', nodePort: pick(0, 30_000 + n) }],
      },
      { ingress: pick([], [{ ip: `198.51.100.${n}` }]) },
    );
    if (this.#random(4) === 0) this.cluster.remove(service);
    else this.cluster.put(service);
  }

  /** Another program flushes everything, and the canary has reported it. */
  async #flush(): Promise<void> {
    for (const { name, chains } of this.iptables.dump()) {
      const own = chains.map((chain) => chain.name).filter((chain) => chain.startsWith('KUBE-'));
      const builtIn = chains.filter(({ policy }) => policy !== undefined);
      const all = [...builtIn.map((chain) => chain.name), ...own];
      const lines = own.map((chain) => `-X ${chain}\n`);
      await this.iptables.restore([{ name, chains: all, lines }]);
    }
    this.#backend.requestFull();
  }
}

/** Groups rules by chain, so that the order of creation does not matter. */
function contentOf(iptables: MemoryIptables): Record<string, unknown> {
  const entries = iptables
    .dump()
    .flatMap(({ name, chains }) =>
      chains.map((chain) => [`${name} ${chain.name}`, chain.rules] as const),
    );
  return Object.fromEntries(entries);
}

describe('random events', () => {
  it.each([1, 2])('the kernel ends up in the state of the model (seed %i)', async (seed) => {
    const churn = new Churn(seed);
    for (let i = 0; i < STEPS; i += 1) {
      await churn.step();
      const fresh = new MemoryIptables('IPv4');
      const settings: SyncSettings = baseSettings;
      await fresh.restore(planWholeTables(churn.cluster.builder.view, settings));
      expect(contentOf(churn.iptables), `step ${i}`).toEqual(contentOf(fresh));
    }
  });
});
