import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryConntrack } from '@nodeagent/netfilter/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { projectSlice } from '../../../src/model/endpoint.js';
import { proxyMetrics } from '../../../src/model/metrics.js';
import { projectService } from '../../../src/model/service.js';
import type { Backend } from '../../../src/ports.js';
import { FamilyProxy } from '../../../src/run/family-proxy.js';
import { ProxyHealth } from '../../../src/run/proxy-health.js';
import { ServiceHealth } from '../../../src/run/service-health.js';
import { aService, aSlice, MemoryHttp } from '../../../src/testing/index.js';

const port = { port: 53, protocol: 'UDP', name: 'dns' };
const service = aService('default/dns', {
  type: 'LoadBalancer',
  clusterIP: '10.96.0.1',
  externalTrafficPolicy: 'Local',
  healthCheckNodePort: 30_999,
  ports: [port],
});
const here = (ip: string) =>
  projectSlice(aSlice('default/dns', [port], [{ ip, nodeName: 'node-a' }]), 'node-a')!;

let clock: ManualClock;
let http: MemoryHttp;
let conntrack: MemoryConntrack;
let health: ProxyHealth;
let proxy: FamilyProxy;
let syncs: { atMs: number; changed: number }[];
let failures: number;
let stop: AbortController;
let ended: Promise<void>;
let events: string[];
let metrics: MemoryMetrics;

beforeEach(() => {
  clock = new ManualClock();
  http = new MemoryHttp();
  conntrack = new MemoryConntrack();
  syncs = [];
  failures = 0;
  events = [];
  stop = new AbortController();
  metrics = new MemoryMetrics();
  const own = proxyMetrics(metrics);
  health = new ProxyHealth({ clock, timeoutMs: 60_000, metrics: own });
  const backend: Backend = {
    sync: async (_view, change) => {
      syncs.push({ atMs: clock.monotonicMs(), changed: change.changedPorts.size });
      if (failures > 0) {
        failures -= 1;
        throw new Error('kernel says no');
      }
      return 'full';
    },
    requestFull: () => undefined,
    watch: async () => undefined,
  };
  proxy = new FamilyProxy({
    family: 'IPv4',
    backend,
    conntrack,
    topology: { nodeName: 'node-a', zone: undefined },
    health,
    serviceHealth: new ServiceHealth({
      http,
      hosts: ['0.0.0.0'],
      nodeName: 'node-a',
      events: { record: ({ reason }) => events.push(reason) },
      isProxyHealthy: () => health.healthy,
    }),
    clock,
    log: new MemoryLogger(),
    metrics: own,
    syncPeriodMs: 30_000,
    minSyncPeriodMs: 1000,
  });
  ended = proxy.run(stop.signal);
});

const LIVEZ = { method: 'GET', path: '/livez', query: new URLSearchParams() };
const services = new Map([['default/dns', projectService(service).IPv4]]);

describe(FamilyProxy, () => {
  it('writes nothing before Services and endpoints are known', async () => {
    proxy.replaceServices(services);
    proxy.setService('default/dns', services.get('default/dns')!);
    await clock.advance(10_000);
    expect(syncs).toEqual([]);
    proxy.replaceSlices(new Map());
    await clock.advance(0);
    expect(syncs).toEqual([{ atMs: 10_000, changed: 1 }]);
  });

  it('carries out many changes in one sync, the least interval after the last', async () => {
    proxy.replaceServices(services);
    proxy.replaceSlices(new Map());
    await clock.advance(500);
    for (let i = 0; i < 10; i += 1) proxy.setSlice('default/dns-1', here(`10.0.0.${i}`));
    await clock.advance(2000);
    expect(syncs.map(({ atMs }) => atMs)).toEqual([0, 1000]);
    proxy.setSlice('default/dns-1', here('10.0.0.99'));
    await clock.advance(0);
    expect(syncs).toHaveLength(3); // after a pause a change is carried out at once
  });

  it('stays healthy however long nothing changes', async () => {
    await clock.advance(24 * 3_600_000);
    expect(health.answer(LIVEZ).status).toBe(200);
  });

  it('retries after a failure, and is unhealthy when the failure lasts', async () => {
    failures = 3;
    proxy.replaceServices(services);
    proxy.replaceSlices(new Map());
    await clock.advance(59_000);
    expect(health.healthy).toBe(true);
    await clock.advance(2000);
    expect(syncs.map(({ atMs }) => atMs)).toEqual([0, 30_000, 60_000]);
    expect(health.healthy).toBe(false);
    expect(health.answer(LIVEZ).status).toBe(503);
    await clock.advance(60_000);
    expect(health.answer(LIVEZ).status).toBe(200);
  });

  it('observes the time from a change of endpoints to its rules once', async () => {
    const seconds = () =>
      metrics.observations.get(
        'kubeproxy_network_programming_duration_seconds{ip_family="IPv4"}',
      ) ?? [];
    proxy.replaceServices(services);
    proxy.replaceSlices(new Map());
    await clock.advance(5000);
    expect(seconds()).toEqual([]);
    const changed = aSlice('default/dns', [port], ['10.0.0.1']);
    const causedAt = new Date(clock.nowMs() - 2500).toISOString();
    changed.metadata!.annotations = {
      'endpoints.kubernetes.io/last-change-trigger-time': causedAt,
    };
    failures = 1;
    proxy.setSlice('default/dns-1', projectSlice(changed, 'node-a'));
    await clock.advance(5000);
    expect(seconds()).toEqual([]);
    await clock.advance(60_000);
    expect(seconds()).toEqual([2.5 + 30]);
  });

  it('deletes flows to removed endpoints, and only after a change of endpoints', async () => {
    const flow = (server: string, sourcePort = Number(server.split('.').at(-1))) => ({
      protocol: 'udp' as const,
      original: {
        source: '10.9.9.9',
        sourcePort,
        destination: '10.96.0.1',
        destinationPort: 53,
      },
      reply: {
        source: server,
        sourcePort: 53,
        destination: '10.9.9.9',
        destinationPort: sourcePort,
      },
      zone: 0,
      id: undefined,
    });
    proxy.replaceServices(services);
    proxy.replaceSlices(new Map([['default/dns-1', here('10.0.0.1')]]));
    await clock.advance(5000);
    conntrack.flows = [flow('10.0.0.1'), flow('10.0.0.2')];
    proxy.setService('default/dns', [{ ...services.get('default/dns')![0]!, nodePort: 30_053 }]);
    await clock.advance(5000);
    expect(conntrack.flows).toHaveLength(2);
    proxy.setSlice('default/dns-1', here('10.0.0.2'));
    await clock.advance(5000);
    expect(conntrack.flows).toEqual([flow('10.0.0.2')]);
    proxy.setSlice('default/dns-1', undefined);
    await clock.advance(5000);
    expect(conntrack.flows).toEqual([flow('10.0.0.2')]);
  });

  it('walks the table of flows once a sync, however many Services changed', async () => {
    const dns = (i: number) => `default/dns-${i}`;
    const all = Array.from({ length: 20 }, (_, i) => {
      const clusterIP = `10.96.1.${i}`;
      return [dns(i), projectService(aService(dns(i), { clusterIP, ports: [port] })).IPv4] as const;
    });
    const slices = (ip: string) =>
      all.map(([name]) => [name, projectSlice(aSlice(name, [port], [ip]), 'node-a')!] as const);
    proxy.replaceServices(new Map(all));
    proxy.replaceSlices(new Map(slices('10.0.0.1')));
    await clock.advance(5000);
    const before = conntrack.lists;
    for (const [name, slice] of slices('10.0.0.2')) proxy.setSlice(name, slice);
    await clock.advance(5000);
    expect(conntrack.lists - before).toBe(1);
  });

  it('answers load balancers on the health check node port', async () => {
    proxy.replaceServices(services);
    proxy.replaceSlices(new Map([['default/dns-1', here('10.0.0.1')]]));
    await clock.advance(5000);
    const answer = await http.get('0.0.0.0 30999');
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'X-Load-Balancing-Endpoint-Weight': '1' },
      body: `{
	"service": {
		"namespace": "default",
		"name": "dns"
	},
	"localEndpoints": 1,
	"serviceProxyHealthy": true
}`,
    });
    proxy.setSlice('default/dns-1', undefined);
    await clock.advance(5000);
    expect((await http.get('0.0.0.0 30999')).status).toBe(503);
    proxy.setService('default/dns', []);
    await clock.advance(5000);
    expect(http.servers.size).toBe(0);
  });

  it('reports with an event that the port is taken, and opens it once it is free', async () => {
    const taken = await http.listen({ host: '0.0.0.0', port: 30_999 }, () => {
      return { status: 404, body: '' };
    });
    proxy.replaceServices(services);
    proxy.replaceSlices(new Map());
    await clock.advance(5000);
    expect(events).toEqual(['FailedToStartServiceHealthcheck']);
    await taken.close();
    proxy.setSlice('default/dns-1', here('10.0.0.1'));
    await clock.advance(5000);
    expect((await http.get('0.0.0.0 30999')).status).toBe(200);
    stop.abort();
    await ended;
    expect(http.servers.size).toBe(0);
  });
});

describe(ProxyHealth, () => {
  it('reports to load balancers that the node is being removed, but stays alive', () => {
    health.updated('IPv4');
    health.setNodeEligible(false);
    const ask = (path: string) =>
      health.answer({ method: 'GET', path, query: new URLSearchParams() });
    expect(ask('/healthz').status).toBe(503);
    expect(JSON.parse(ask('/healthz').body)).toMatchObject({ nodeEligible: false, healthy: true });
    expect(ask('/livez').status).toBe(200);
    expect(ask('/livez').body).not.toContain('nodeEligible');
    expect(ask('/other').status).toBe(404);
  });
});
