import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryNftTable } from '@nodeagent/netfilter/testing';
import { describe, expect, it } from 'vitest';

import { nftablesMetrics } from '../../../src/model/nftables-metrics.js';
import type { NodeViewBuilder, ViewChange } from '../../../src/plan/node-view.js';
import { NftablesBackend } from '../../../src/run/nftables/backend.js';
import { aCluster, aService, aSlice } from '../../../src/testing/builders.js';

const never = new AbortController().signal;
const http = { name: 'http', port: 80, protocol: 'TCP' } as const;
const ips = (n: number): string[] => Array.from({ length: n }, (_, i) => `10.244.0.${10 + i}`);

function cluster(names: readonly string[], endpoints = 2) {
  const objects = names.flatMap((name, i) => [
    aService(`ns/${name}`, { clusterIP: `10.96.0.${i + 1}`, ports: [http] }),
    aSlice(`ns/${name}`, [{ ...http, port: 8080 }], ips(endpoints)),
  ]);
  return aCluster(objects, { family: 'IPv4' }).builder;
}

function start(table = new MemoryNftTable({ family: 'ip', name: 'kube-proxy' })) {
  const reported: string[] = [];
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const backend = new NftablesBackend({
    table,
    settings: {
      family: 'IPv4',
      masqueradeMark: 0x4000,
      masqueradeAll: false,
      localTraffic: undefined,
      nodeIp: '192.168.0.2',
    },
    nodePortAddresses: { matchesAll: true, cidrs: ['0.0.0.0/0'] },
    interfaces: { addresses: () => ['192.168.0.2'] },
    problems: { set: (_about, messages) => reported.push(...messages) },
    clock,
    log: new MemoryLogger(),
    metrics: nftablesMetrics(metrics),
  });
  const sync = (builder: NodeViewBuilder, change?: ViewChange) => {
    const updated = change ?? builder.update();
    return backend.sync(builder.view, updated, never);
  };
  return { table, backend, reported, clock, sync };
}

/** Returns every element, and the rules of every chain: everything that packets meet. */
function textOf(table: MemoryNftTable): string {
  const sets = [...(table.contents?.sets ?? [])].map(([name, { elements }]) => [
    name,
    [...elements.values()].map((one) => JSON.stringify(one)).toSorted(),
  ]);
  const chains = [...(table.contents?.chains.values() ?? [])].map((chain) => JSON.stringify(chain));
  return JSON.stringify([sets.toSorted(), chains.toSorted()]);
}

describe(NftablesBackend, () => {
  it('writes everything first, then the changes, in one step', async () => {
    const { table, sync } = start();
    const builder = cluster(['web', 'db']);
    expect(await sync(builder)).toBe('full');
    const steps = table.steps;
    const change = { ...emptyChange(), changedPorts: new Set(['ns/web:http/TCP']) };
    expect(await sync(builder, change)).toBe('partial');
    expect(table.steps).toBe(steps); // nothing differs
    expect(table.contents?.sets.get('endpoints')?.elements.size).toBe(4);
  });

  it('makes the chains at the hooks last', async () => {
    const { table, sync } = start();
    const seen: string[] = [];
    const apply = table.apply.bind(table);
    table.apply = async (operations, signal) => {
      await apply(operations, signal);
      const hooks = [...(table.contents?.chains.values() ?? [])].filter(({ base }) => base);
      const services = table.contents?.sets.get('service-ips')?.elements.size ?? 0;
      seen.push(`${hooks.length > 0 ? 'hooks' : 'no hooks'}, ${services} services`);
    };
    await sync(cluster(['web', 'db']));
    expect(seen).toEqual(['no hooks, 0 services', 'no hooks, 2 services', 'hooks, 2 services']);
  });

  it.each([
    { what: 'the whole table', spoil: [{ op: 'delete-table' }] },
    { what: 'the chain of the services', spoil: [{ op: 'flush-chain', chain: 'services' }] },
    { what: 'the map of addresses', spoil: [{ op: 'flush-set', set: 'service-ips' }] },
    {
      what: 'a chain at a hook',
      spoil: [
        { op: 'flush-chain', chain: 'nat-output' },
        { op: 'delete-chain', chain: 'nat-output' },
      ],
    },
  ] as const)('repairs $what with the next sync', async ({ spoil }) => {
    const { table, sync } = start();
    const builder = cluster(['web', 'db']);
    await sync(builder);
    const good = textOf(table);
    table.applyAsOther(spoil);
    expect(textOf(table)).not.toBe(good);
    // a change that requires an operation on the table
    expect(await sync(builder, { ...emptyChange(), serviceCidrsChanged: true })).toBe('full');
    expect(textOf(table)).toBe(good);
  });

  it('takes over the table of an earlier process without a step that empties it', async () => {
    const first = start();
    await first.sync(cluster(['web', 'old', 'db']));
    const before = first.table.contents?.sets.get('service-ips');
    expect(before?.elements.size).toBe(3);
    const second = start(first.table);
    const fewest: number[] = [];
    const apply = first.table.apply.bind(first.table);
    first.table.apply = async (operations, signal) => {
      await apply(operations, signal);
      fewest.push(first.table.contents?.sets.get('service-ips')?.elements.size ?? 0);
    };
    const fresh = start();
    await fresh.sync(cluster(['web', 'other'], 3));
    await second.sync(cluster(['web', 'other'], 3));
    expect(Math.min(...fewest)).toBeGreaterThanOrEqual(2);
    const sets = (table: MemoryNftTable) => JSON.parse(textOf(table)) as [unknown, unknown];
    expect(sets(second.table)[0]).toEqual(sets(fresh.table)[0]);
  });

  it('empties the chains of a deleted Service at once, and deletes them a second later', async () => {
    const { table, sync, clock } = start();
    const sticky = aService('ns/web', {
      clusterIP: '10.96.0.1',
      ports: [http],
      sessionAffinity: 'ClientIP',
    });
    const { builder, remove } = aCluster(
      [sticky, aSlice('ns/web', [{ ...http, port: 8080 }], ips(2))],
      { family: 'IPv4' },
    );
    await sync(builder);
    const own = () => [...(table.contents?.chains.keys() ?? [])].filter((name) => /web/.test(name));
    const sets = () => [...(table.contents?.sets.keys() ?? [])].filter((name) => /web/.test(name));
    expect(own()).toHaveLength(3);
    expect(sets()).toHaveLength(2);
    remove(sticky);
    await sync(builder);
    expect(own()).toHaveLength(3);
    for (const name of own()) expect(table.contents?.chains.get(name)?.rules).toEqual([]);
    expect(sets()).toEqual([]);
    await clock.advance(1000);
    await sync(builder, emptyChange());
    expect(own()).toEqual([]);
  });

  it('writes everything again after a failure', async () => {
    const { table, sync } = start();
    const builder = cluster(['web']);
    await sync(builder);
    const good = textOf(table);
    const apply = table.apply.bind(table);
    table.apply = () => Promise.reject(new Error('no memory'));
    const change = { ...emptyChange(), serviceCidrsChanged: true };
    await expect(sync(builder, change)).rejects.toThrow('no memory');
    table.apply = apply;
    expect(await sync(builder, emptyChange())).toBe('full');
    expect(textOf(table)).toBe(good);
  });

  it('serves the first of two Services with one address, and reports the second', async () => {
    const { table, reported, sync } = start();
    const objects = ['a', 'b'].flatMap((name) => [
      aService(`ns/${name}`, { clusterIP: '10.96.0.9', ports: [http] }),
      aSlice(`ns/${name}`, [{ ...http, port: 8080 }], ips(1)),
    ]);
    await sync(aCluster(objects, { family: 'IPv4' }).builder);
    expect(reported).toEqual(['10.96.0.9 TCP 80 leads to ns/a:http/TCP already']);
    expect(table.contents?.sets.get('service-ips')?.elements.size).toBe(1);
  });

  it('serves all ports except the one that the kernel refuses', async () => {
    const { table, reported, sync } = start();
    const apply = table.apply.bind(table);
    table.apply = (operations, signal) => {
      const all = [...operations];
      const isBad = JSON.stringify(all).includes('10.96.0.2');
      const wrong = { op: 'flush-chain', chain: 'nowhere' } as const;
      return apply(isBad ? [...all, wrong] : all, signal);
    };
    await sync(cluster(['good', 'bad', 'fine']));
    expect(table.contents?.sets.get('service-ips')?.elements.size).toBe(2);
    expect(reported).toEqual([expect.stringContaining('rules of port ns/bad:http/TCP')]);
  });

  it('retries refused ports after growing waits, without disturbing others', async () => {
    const { table, backend, reported, clock, sync } = start();
    const apply = table.apply.bind(table);
    let isRefused = true;
    let steps = 0;
    table.apply = (operations, signal) => {
      const all = [...operations];
      const isBad = isRefused && JSON.stringify(all).includes('10.96.0.2');
      steps += all.some(({ op }) => op === 'delete-table') ? 1 : 0;
      const wrong = { op: 'flush-chain', chain: 'nowhere' } as const;
      return apply(isBad ? [...all, wrong] : all, signal);
    };
    const builder = cluster(['good', 'bad', 'fine']);
    await sync(builder);
    const rewrites = steps;
    const stop = new AbortController();
    const asked: number[] = [];
    const watching = backend.watch(() => asked.push(clock.monotonicMs()), stop.signal);
    await clock.advance(30_000);
    expect(asked).toEqual([30_000]);
    expect(await sync(builder)).toBe('partial');
    expect(table.contents?.sets.get('service-ips')?.elements.size).toBe(2);
    await clock.advance(60_000);
    expect(asked).toEqual([30_000, 90_000]);
    isRefused = false;
    expect(await sync(builder)).toBe('partial');
    expect(table.contents?.sets.get('service-ips')?.elements.size).toBe(3);
    expect(reported.at(-1)).toContain('rules of port ns/bad:http/TCP');
    await clock.advance(7_200_000);
    expect(asked).toHaveLength(2);
    expect(steps).toBe(rewrites);
    stop.abort();
    await watching;
  });
});

function emptyChange(): ViewChange {
  return {
    services: new Set(),
    endpoints: new Set(),
    udpEndpointsChanged: false,
    changedAtMs: [],
    changedPorts: new Set(),
    removedPorts: new Set(),
    serviceCidrsChanged: false,
    failures: [],
  };
}
