import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import {
  ENDPOINT_SLICES,
  type EndpointSlice,
  KubeError,
  type Service,
  SERVICE_CIDRS,
  SERVICES,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ObjectProblems } from '../../../src/run/object-problems.js';
import {
  type FamilySink,
  type SourceOptions,
  watchServiceCidrs,
  watchServices,
  watchSlices,
} from '../../../src/run/sources.js';
import { aService, aSlice } from '../../../src/testing/index.js';

const READ_FAILURES = 'nodeagent_object_failures_total{kind="Service",step="read"}';
const port = { port: 80, protocol: 'TCP', name: 'http' };
const web = aService('default/web', { clusterIP: '10.96.0.1', ports: [port] });

let clock: ManualClock;
let client: MemoryKubeClient;
let log: MemoryLogger;
let metrics: MemoryMetrics;
let reported: string[];
let services: Map<string, number>;
let slices: Map<string, number>;
let cidrs: readonly string[];
let stop: AbortController;
let running: Promise<void>[];

beforeEach(() => {
  clock = new ManualClock();
  client = createMemoryKubeClient({ clock });
  log = new MemoryLogger();
  metrics = new MemoryMetrics();
  reported = [];
  services = new Map();
  slices = new Map();
  cidrs = [];
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
});

const sink: FamilySink = {
  family: 'IPv4',
  setService: (name, ports) => {
    if (ports.length === 0) services.delete(name);
    else services.set(name, ports.length);
  },
  replaceServices: (all) => {
    services = new Map([...all].map(([name, ports]) => [name, ports.length]));
  },
  setSlice: (name, slice) => {
    if (slice === undefined) slices.delete(name);
    else slices.set(name, slice.ips.length);
  },
  replaceSlices: (all) => {
    slices = new Map([...all].map(([name, slice]) => [name, slice.ips.length]));
  },
  setServiceCidrs: (all) => {
    cidrs = all;
  },
};

async function start(): Promise<void> {
  const events = { record: ({ message }: { message: string }) => void reported.push(message) };
  const options: SourceOptions = {
    client,
    clock,
    random: () => 0,
    log,
    nodeName: 'node-a',
    families: [sink],
    problems: new ObjectProblems({ events, log }),
    events,
    counters: metrics,
  };
  running = [watchServices, watchSlices, watchServiceCidrs].map((watch) =>
    watch(options, stop.signal),
  );
  await clock.advance(0);
}

describe('the watches', () => {
  it('leave out Services from the moment they are labelled for another proxy', async () => {
    client.seed(SERVICES, web);
    await start();
    expect([...services.keys()]).toEqual(['default/web']);
    const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
    client.seed(SERVICES, { ...web, metadata: { ...web.metadata, labels } });
    await clock.advance(0);
    expect(services.size).toBe(0);
  });

  it('leave out headless Services and the slices of Services that became headless', async () => {
    client.seed(SERVICES, aService('default/db', { clusterIP: 'None', ports: [port] }));
    const slice = aSlice('default/web', [port], ['10.0.0.1']);
    client.seed(ENDPOINT_SLICES, slice);
    await start();
    expect(services.size).toBe(0);
    expect([...slices]).toEqual([['default/web-1', 1]]);
    const labels = { ...slice.metadata?.labels, 'service.kubernetes.io/headless': '' };
    client.seed(ENDPOINT_SLICES, { ...slice, metadata: { ...slice.metadata, labels } });
    await clock.advance(0);
    expect(slices.size).toBe(0);
  });

  it('report parts that cannot be served, and serve the rest', async () => {
    await start();
    client.seed(ENDPOINT_SLICES, aSlice('default/web', [port], ['10.0.0.1', '127.0.0.1']));
    await clock.advance(0);
    expect([...slices.values()]).toEqual([1]);
    expect(reported).toEqual(['endpoint 127.0.0.1 cannot be forwarded to']);
  });

  it("continue with every other object when one does not have the API's types", async () => {
    const ok = aSlice('default/web', [port], ['10.0.0.1']);
    client.seed(SERVICES, web);
    client.seed(ENDPOINT_SLICES, ok);
    await start();
    client.seed(SERVICES, { ...web, spec: { externalIPs: 7 } } as unknown as Service);
    client.seed(ENDPOINT_SLICES, { ...ok, endpoints: 'none' } as unknown as EndpointSlice);
    client.seed(SERVICE_CIDRS, { metadata: { name: 'x' }, spec: { cidrs: 7 } } as never);
    const db = aService('default/db', { clusterIP: '10.96.0.2', ports: [port] });
    client.seed(SERVICES, db);
    client.seed(ENDPOINT_SLICES, aSlice('default/db', [port], ['10.0.0.2', '10.0.0.3']));
    await clock.advance(0);
    expect(Object.fromEntries(services)).toEqual({ 'default/web': 1, 'default/db': 1 });
    expect(Object.fromEntries(slices)).toEqual({ 'default/web-1': 1, 'default/db-1': 2 });
    const errors = log.lines.filter(({ level }) => level === 'error');
    expect(errors.map(({ fields }) => [fields['kind'], fields['name'], fields['step']])).toEqual([
      ['Service', 'web', 'read'],
      ['EndpointSlice', 'web-1', 'read'],
      ['ServiceCIDR', 'x', 'read'],
    ]);
    expect(metrics.values.get(READ_FAILURES)).toBe(1);
    expect(reported.filter((text) => text.startsWith('kube-proxy cannot use'))).toHaveLength(2);
    // a new list does not remove what is in force
    client.compact();
    client.endWatches();
    await clock.advance(1000);
    expect(Object.fromEntries(services)).toEqual({ 'default/web': 1, 'default/db': 1 });
  });

  it('join the ranges of all ServiceCIDRs', async () => {
    const range = (name: string, ...all: string[]) => ({
      metadata: { name },
      spec: { cidrs: all },
    });
    client.seed(SERVICE_CIDRS, range('kubernetes', '10.96.0.0/12', 'fd00:96::/112'));
    await start();
    client.seed(SERVICE_CIDRS, range('more', '10.112.0.0/16', '10.96.0.0/12'));
    await clock.advance(0);
    expect(cidrs).toEqual(['10.96.0.0/12', 'fd00:96::/112', '10.112.0.0/16']);
    client.drop(SERVICE_CIDRS, { name: 'kubernetes' });
    await clock.advance(0);
    expect(cidrs).toEqual(['10.112.0.0/16', '10.96.0.0/12']);
  });

  it('wait for an unavailable API server, and then read the changes made meanwhile', async () => {
    const away = new KubeError('KUBE_UNAVAILABLE', 'connection refused');
    client.failNext({}, away, 60);
    await start();
    await clock.advance(120_000);
    expect(services.size).toBe(0);
    client.seed(SERVICES, web);
    await clock.advance(1_200_000);
    expect([...services.keys()]).toEqual(['default/web']);
    expect(log.lines.some(({ message }) => message === 'services cannot be watched')).toBe(true);
  });
});
