import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { probeIptables } from '@nodeagent/netfilter';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { createNetns, ifStarted, type Netns } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { iptablesMetrics } from '../../src/model/iptables-metrics.js';
import { nodePortAddresses } from '../../src/model/node-ports.js';
import { IptablesBackend } from '../../src/run/iptables/backend.js';
import { aCluster, aService, aSlice } from '../../src/testing/index.js';
import { baseSettings } from '../golden/examples.js';

const signal = new AbortController().signal;
const NO_COUNTERS = { invalidDropped: false, localhostNodePorts: false };
const port = { port: 80, protocol: 'TCP', name: 'http' };
const SERVICES = 1000;
const CHANGES = 20;

let node: Netns;

beforeAll(async () => {
  node = await createNetns();
});

afterAll(() => ifStarted(node)?.remove());

const endpoints = (service: number, offset: number): string[] =>
  Array.from({ length: 10 }, (_, j) => `10.${service >> 8}.${service & 255}.${j + offset}`);

it.each(['-nft', '-legacy'] as const)(
  '%s: our own share of the cost of a restore',
  async (variant) => {
    const commands = createSpawnRunner({ prefix: node.enter });
    let restoreMs = 0;
    const timed: typeof commands = {
      run: async (command, inner) => {
        const startedMs = performance.now();
        const result = await commands.run(command, inner);
        restoreMs += performance.now() - startedMs;
        return result;
      },
    };
    const { iptables } = await probeIptables(timed, { family: 'IPv4', variant }, signal);
    const backend = new IptablesBackend({
      iptables,
      settings: baseSettings,
      nodePortAddresses: nodePortAddresses('IPv4', []),
      interfaces: { addresses: () => [] },
      syncPeriodMs: 30_000,
      clock: createSystemClock(),
      log: new MemoryLogger(),
      metrics: iptablesMetrics(new MemoryMetrics()),
      counters: { ensure: async () => NO_COUNTERS },
      problems: { set: () => undefined },
    });
    const name = (i: number): string => `default/svc-${i}`;
    const objects = Array.from({ length: SERVICES }, (_, i) => [
      aService(name(i), { clusterIP: `172.30.${i >> 8}.${i & 255}`, ports: [port] }),
      aSlice(name(i), [port], endpoints(i, 1)),
    ]);
    const { builder, put } = aCluster(objects.flat());
    const measure = async (what: string): Promise<void> => {
      restoreMs = 0;
      const startedMs = performance.now();
      await backend.sync(builder.view, builder.update(), signal);
      const allMs = performance.now() - startedMs;
      spent.push({ what, allMs, restoreMs });
    };
    const spent: { what: string; allMs: number; restoreMs: number }[] = [];
    await measure('full');
    for (let i = 0; i < CHANGES; i += 1) {
      put(aSlice(name(7), [port], endpoints(7, i + 2)));
      await measure('partial');
    }
    const [full, ...partial] = spent;
    const [median] = partial.toSorted((a, b) => a.allMs - b.allMs).slice(CHANGES / 2);
    for (const { what, allMs, restoreMs: toolMs } of [full!, median!]) {
      const ratio = (allMs / toolMs).toFixed(2);
      const times = `${allMs.toFixed(0)} ms, programs ${toolMs.toFixed(0)} ms, ratio ${ratio}`;
      console.log(`${SERVICES} × 10, iptables${variant}, ${what}: ${times}`);
    }
    const saved = await node.run([`iptables${variant}-save`, '-t', 'nat']);
    const first = (text: string) => saved.split(text).length - 1;
    expect(first('--to-destination 10.0.7.')).toBe(10);
    expect(saved).toContain(`--to-destination 10.0.7.${CHANGES + 1}:80`);
    expect(saved).not.toContain('--to-destination 10.0.7.1:80');
    expect(first('--to-destination 10.')).toBe(SERVICES * 10);
  },
);
