import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { parseSave } from '@nodeagent/netfilter';
import { MemoryIptables, traceOutcomes } from '@nodeagent/netfilter/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { iptablesMetrics } from '../../../../src/model/iptables-metrics.js';
import { nodePortAddresses } from '../../../../src/model/node-ports.js';
import { IptablesBackend } from '../../../../src/run/iptables/backend.js';
import { cleanupIptables } from '../../../../src/run/iptables/cleanup.js';
import { aCluster, aService, aSlice, type Cluster } from '../../../../src/testing/index.js';
import { baseSettings } from '../../../golden/examples.js';

const signal = new AbortController().signal;
const NO_COUNTERS = { invalidDropped: false, localhostNodePorts: false };
const port = { port: 80, protocol: 'TCP', name: 'http' };
const web = aService('default/web', { clusterIP: '10.96.0.1', ports: [port] });
const api = aService('default/api', { clusterIP: '10.96.0.2', ports: [port] });
const slice = (service: string, ...ips: string[]) => aSlice(service, [port], ips);

let iptables: MemoryIptables;
let clock: ManualClock;
let metrics: MemoryMetrics;
let cluster: Cluster;
let backend: IptablesBackend;
let problems: Map<string, readonly string[]>;

beforeEach(() => {
  iptables = new MemoryIptables('IPv4');
  clock = new ManualClock();
  metrics = new MemoryMetrics();
  problems = new Map();
  cluster = aCluster([
    web,
    api,
    slice('default/web', '10.0.0.1'),
    slice('default/api', '10.0.0.2'),
  ]);
  backend = aBackend();
});

function aBackend(jumpsFirst = false): IptablesBackend {
  return new IptablesBackend({
    iptables,
    jumpsFirst,
    settings: baseSettings,
    nodePortAddresses: nodePortAddresses('IPv4', []),
    interfaces: { addresses: () => [] },
    syncPeriodMs: 30_000,
    clock,
    log: new MemoryLogger(),
    metrics: iptablesMetrics(metrics),
    counters: { ensure: async () => NO_COUNTERS },
    problems: { set: (about, messages) => void problems.set(about.name, messages) },
  });
}

const sync = () => {
  const change = cluster.builder.update();
  return backend.sync(cluster.builder.view, change, signal);
};
const written = () => iptables.restored.at(-1) ?? '';
const chains = async () => (await iptables.save('nat')).match(/KUBE-(SVC|SEP)-\w+(?= - )/g) ?? [];
const where = (destination: string) =>
  traceOutcomes(
    iptables.dump(),
    { from: 'network', protocol: 'tcp', source: '10.244.0.9', destination, destinationPort: 80 },
    { addresses: ['192.168.0.2'] },
  ).map(({ verdict, to }) => `${verdict} ${to}`);

describe(IptablesBackend, () => {
  it('inserts jumps to chains while they are empty when each jump costs a whole table', async () => {
    const ensureRule = iptables.ensureRule.bind(iptables);
    const restoresBefore = new Set<number>();
    iptables.ensureRule = (...args) => {
      restoresBefore.add(iptables.restored.length);
      return ensureRule(...args);
    };
    backend = aBackend(true);
    await sync();
    expect([...restoresBefore]).toEqual([0]);
    expect(where('10.96.0.1')).toEqual(['accepted 10.0.0.1:80']);
  });

  it('writes everything first, then only the changed chains', async () => {
    expect(await sync()).toBe('full');
    expect(where('10.96.0.1')).toEqual(['accepted 10.0.0.1:80']);
    cluster.put(slice('default/web', '10.0.0.1', '10.0.0.3'));
    expect(await sync()).toBe('partial');
    expect(written().match(/^:KUBE-SEP/gm)).toHaveLength(2);
    expect(written()).toContain('"default/api:http cluster IP" -m tcp -p tcp -d 10.96.0.2');
    expect(written()).not.toContain('10.0.0.2');
    expect(where('10.96.0.1')).toEqual(['accepted 10.0.0.1:80', 'accepted 10.0.0.3:80']);
    expect(where('10.96.0.2')).toEqual(['accepted 10.0.0.2:80']);
  });

  it('inserts jumps at the start in upstream’s order, once', async () => {
    await sync();
    backend.requestFull();
    await sync();
    const targets = (name: string) =>
      iptables
        .dump()
        .find((table) => table.name === 'filter')!
        .chains.find((chain) => chain.name === name)!
        .rules.map(({ target }) => (target?.kind === 'jump' ? target.chain : ''));
    expect(targets('FORWARD')).toEqual([
      'KUBE-PROXY-FIREWALL',
      'KUBE-FORWARD',
      'KUBE-SERVICES',
      'KUBE-EXTERNAL-SERVICES',
    ]);
    expect(targets('INPUT')).toEqual([
      'KUBE-FIREWALL',
      'KUBE-PROXY-FIREWALL',
      'KUBE-NODEPORTS',
      'KUBE-EXTERNAL-SERVICES',
    ]);
  });

  it('removes unneeded chains in the same restore', async () => {
    await sync();
    expect(await chains()).toHaveLength(4);
    cluster.remove(slice('default/web', '10.0.0.1'));
    await sync();
    expect(await chains()).toHaveLength(2);
    expect(where('10.96.0.1')).toEqual(['rejected 10.96.0.1:80']);
    cluster.remove(api);
    await sync();
    expect(await chains()).toEqual([]);
  });

  it('finds what an earlier process left, and spares chains of other programs', async () => {
    const lines = ['-A KUBE-SVC-OLD -j KUBE-SEP-OLD\n'];
    const left = ['KUBE-SVC-OLD', 'KUBE-SEP-OLD', 'MY-OWN'];
    await iptables.restore([{ name: 'nat', chains: left, lines }]);
    await sync();
    const saved = await iptables.save('nat');
    expect(saved).not.toContain('OLD');
    expect(saved).toContain(':MY-OWN ');
  });

  it('writes everything after a failed restore, and counts the failure', async () => {
    await sync();
    cluster.put(slice('default/web', '10.0.0.7'));
    iptables.failRestoreWith = new Error('refused');
    await expect(sync()).rejects.toThrow('refused');
    iptables.failRestoreWith = undefined;
    expect(await sync()).toBe('full');
    expect(where('10.96.0.1')).toEqual(['accepted 10.0.0.7:80']);
    const name = 'kubeproxy_sync_proxy_rules_iptables';
    expect(metrics.values.get(`${name}_restore_failures_total{ip_family="IPv4"}`)).toBe(1);
    expect(metrics.values.get(`${name}_partial_restore_failures_total{ip_family="IPv4"}`)).toBe(1);
    expect(await chains()).toHaveLength(4);
  });

  it.each([
    { how: 'the line that failed', unnamed: false },
    { how: 'bisection, when no line is named', unnamed: true },
  ])('leaves out a port whose rules are refused, found by $how', async ({ unnamed }) => {
    const sticky = { sessionAffinity: 'ClientIP', ports: [port] };
    for (const i of [3, 4, 5, 6, 7]) {
      cluster.put(aService(`default/s${i}`, { ...sticky, clusterIP: `10.96.0.${i}` }));
      cluster.put(slice(`default/s${i}`, `10.0.0.${i}`));
    }
    iptables.refuses = { line: /10\.0\.0\.4:80$|10\.0\.0\.6:80$/, unnamed };
    expect(await sync()).toBe('full');
    expect([...problems.keys()]).toEqual(['default/s4', 'default/s6']);
    expect(problems.get('default/s4')?.[0]).toMatch(/the kernel refuses the IPv4 rules of port/);
    expect(where('10.96.0.5')).toEqual(['accepted 10.0.0.5:80']);
    expect(where('10.96.0.7')).toEqual(['accepted 10.0.0.7:80']);
    // no rule of ours matches it any longer
    expect(where('10.96.0.4')).toEqual(['accepted 10.96.0.4:80']);
    cluster.put(slice('default/s4', '10.0.0.44'));
    expect(await sync()).toBe('partial');
    expect(where('10.96.0.4')).toEqual(['accepted 10.0.0.44:80']);
    expect(problems.get('default/s4')).toEqual([]);
  });

  it('retries refused ports after growing waits', async () => {
    iptables.refuses = { line: /10\.0\.0\.2:80$/ };
    await sync();
    expect(where('10.96.0.2')).toEqual(['accepted 10.96.0.2:80']);
    const stop = new AbortController();
    const asked: number[] = [];
    const watching = backend.watch(() => asked.push(clock.monotonicMs()), stop.signal);
    await clock.advance(30_000);
    expect(asked).toEqual([30_000]);
    expect(await sync()).toBe('full');
    await clock.advance(60_000);
    expect(asked).toEqual([30_000, 90_000]);
    iptables.refuses = undefined;
    expect(await sync()).toBe('full');
    expect(where('10.96.0.2')).toEqual(['accepted 10.0.0.2:80']);
    expect(problems.get('default/api')).toEqual([]);
    await clock.advance(3_000_000);
    expect(asked).toHaveLength(2);
    stop.abort();
    await watching;
  });

  it('writes everything at once when a part is refused: other programs may have removed the rest', async () => {
    await sync();
    await iptables.restore([{ name: 'nat', chains: ['KUBE-SERVICES'], lines: [] }]);
    const gone = (await chains()).filter((chain) => chain.startsWith('KUBE-SVC'));
    await iptables.restore([
      { name: 'nat', chains: gone, lines: gone.map((chain) => `-X ${chain}\n`) },
    ]);
    cluster.put(slice('default/web', '10.0.0.9'));
    expect(await sync()).toBe('full');
    expect(where('10.96.0.2')).toEqual(['accepted 10.0.0.2:80']);
    expect(problems.size).toBe(0);
  });

  it('gives up on failures that leaving ports out cannot solve', async () => {
    iptables.refuses = { line: /^:KUBE-POSTROUTING/ };
    await expect(sync()).rejects.toThrow('line');
    expect(problems.size).toBe(0);
  });

  it('writes everything once an hour', async () => {
    await sync();
    await clock.advance(3_600_001);
    expect(await sync()).toBe('full');
    expect(await sync()).toBe('partial');
  });

  it.each([
    { name: 'no service', services: 0, endpoints: 0, filter: 4, nat: 5 },
    { name: 'one service, one endpoint', services: 1, endpoints: 1, filter: 4, nat: 10 },
    { name: 'one service, ten endpoints', services: 1, endpoints: 10, filter: 4, nat: 37 },
  ])('counts the rules of $name', async ({ services, endpoints, filter, nat }) => {
    const ips = Array.from({ length: endpoints }, (_, i) => `10.0.0.${i}`);
    cluster = aCluster(services === 0 ? [] : [web, slice('default/web', ...ips)]);
    await sync();
    const total = (table: string) =>
      metrics.values.get(
        `kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="${table}"}`,
      );
    expect([total('filter'), total('nat')]).toEqual([filter, nat]);
    const rules = parseSave(await iptables.save('nat'))[0]!.chains.flatMap((chain) => chain.rules);
    expect(rules).toHaveLength(nat + 3); // and the three jumps from the hooks
  });

  it.each([
    { endpoints: 1000, comments: true },
    { endpoints: 1001, comments: false },
  ])('$endpoints endpoints: comments $comments', async ({ endpoints, comments }) => {
    const ips = Array.from({ length: endpoints }, (_, i) => `10.${i >> 8}.${i & 255}.1`);
    cluster = aCluster([web, slice('default/web', ...ips)]);
    await sync();
    expect(written().includes('--comment "default/web:http -> ')).toBe(comments);
    expect(written()).toContain('"default/web:http cluster IP"');
  });

  it('calls back when the tables are flushed, and writes everything then', async () => {
    await sync();
    const stop = new AbortController();
    let lost = 0;
    const watching = backend.watch(() => (lost += 1), stop.signal);
    await clock.advance(30_000);
    expect(lost).toBe(0);
    for (const { name } of iptables.dump()) await iptables.deleteChain(name, 'KUBE-PROXY-CANARY');
    await clock.advance(31_000);
    expect(lost).toBe(1);
    expect(await sync()).toBe('full');
    stop.abort();
    await watching;
  });
});

describe(cleanupIptables, () => {
  it('leaves only shared objects', async () => {
    await sync();
    await iptables.ensureChain('mangle', 'KUBE-IPTABLES-HINT');
    expect(await cleanupIptables(iptables, signal)).toEqual([]);
    const names = iptables.dump().flatMap(({ chains: all }) => all.map(({ name }) => name));
    const ours = names.filter((name) => name.startsWith('KUBE-'));
    expect(ours).toEqual(['KUBE-FIREWALL', 'KUBE-IPTABLES-HINT']);
  });
});
