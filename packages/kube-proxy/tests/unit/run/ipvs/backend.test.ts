import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { parseSave, renderSave } from '@nodeagent/ipvs';
import { readTable, sortServers } from '@nodeagent/ipvs';
import { MemoryIpvs } from '@nodeagent/ipvs/testing';
import { NetfilterError, renderAppend } from '@nodeagent/netfilter';
import { MemoryIpset, MemoryIptables } from '@nodeagent/netfilter/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { iptablesMetrics, restoreFailuresCounter } from '../../../../src/model/iptables-metrics.js';
import { nodePortAddresses } from '../../../../src/model/node-ports.js';
import { IPVS_JUMPS } from '../../../../src/plan/ipvs/rules.js';
import { IptablesBackend } from '../../../../src/run/iptables/backend.js';
import { IpvsBackend } from '../../../../src/run/ipvs/backend.js';
import { cleanupIpvsKernel, cleanupIpvsRules } from '../../../../src/run/ipvs/cleanup.js';
import {
  aCluster,
  aService,
  aSlice,
  type Cluster,
  MemoryServiceInterface,
} from '../../../../src/testing/index.js';
import { baseSettings } from '../../../golden/examples.js';

const signal = new AbortController().signal;
const port = { port: 80, protocol: 'TCP', name: 'http' };
const web = aService('default/web', { clusterIP: '10.96.0.1', ports: [port] });
const api = aService('default/api', {
  clusterIP: '10.96.0.2',
  type: 'LoadBalancer',
  externalIPs: ['192.168.0.2', '203.0.113.7'],
  ports: [{ ...port, nodePort: 30_080 }],
});
const slice = (service: string, ...ips: string[]) => aSlice(service, [port], ips);

let ipvs: MemoryIpvs;
let ipset: MemoryIpset;
let iptables: MemoryIptables;
let serviceInterface: MemoryServiceInterface;
let clock: ManualClock;
let metrics: MemoryMetrics;
let cluster: Cluster;
let backend: IpvsBackend;
/** The present problems of each Service, by its name. */
let reported: Map<string, readonly string[]>;

beforeEach(() => {
  reported = new Map();
  ipvs = new MemoryIpvs();
  ipset = new MemoryIpset();
  iptables = new MemoryIptables('IPv4');
  serviceInterface = new MemoryServiceInterface(['192.168.0.2']);
  clock = new ManualClock();
  metrics = new MemoryMetrics();
  cluster = aCluster([
    web,
    api,
    slice('default/web', '10.0.0.1', '10.0.0.2'),
    slice('default/api', '10.0.0.3'),
  ]);
  backend = aBackend();
});

function aBackend(): IpvsBackend {
  return new IpvsBackend({
    ipvs,
    ipset,
    iptables,
    serviceInterface,
    settings: {
      family: 'IPv4',
      scheduler: 'rr',
      nodeIp: '192.168.0.2',
      masqueradeMark: 0x4000,
      masqueradeAll: false,
      randomFully: true,
      localTraffic: { kind: 'from-cidr', cidr: '10.0.0.0/16' },
    },
    nodePortAddresses: nodePortAddresses('IPv4', []),
    excludeCidrs: ['172.16.0.0/12'],
    syncPeriodMs: 30_000,
    clock,
    log: new MemoryLogger(),
    restoreFailures: restoreFailuresCounter(metrics),
    problems: {
      set: ({ name }, messages) => {
        if (messages.length === 0) reported.delete(name);
        else reported.set(name, messages);
      },
    },
  });
}

const sync = () => {
  const change = cluster.builder.update();
  return backend.sync(cluster.builder.view, change, signal);
};
const table = async () => renderSave(sortServers(await readTable(ipvs)));
const setOf = async (name: string) => (await ipset.list(name))[0]?.entries;

it('writes virtual servers, sets, rules and addresses', async () => {
  expect(await sync()).toBe('full');
  expect(await table()).toBe(`\
-A -t 10.96.0.1:80 -s rr
-a -t 10.96.0.1:80 -r 10.0.0.1:80 -m -w 1
-a -t 10.96.0.1:80 -r 10.0.0.2:80 -m -w 1
-A -t 10.96.0.2:80 -s rr
-a -t 10.96.0.2:80 -r 10.0.0.3:80 -m -w 1
-A -t 192.168.0.2:80 -s rr
-a -t 192.168.0.2:80 -r 10.0.0.3:80 -m -w 1
-A -t 192.168.0.2:30080 -s rr
-a -t 192.168.0.2:30080 -r 10.0.0.3:80 -m -w 1
-A -t 203.0.113.7:80 -s rr
-a -t 203.0.113.7:80 -r 10.0.0.3:80 -m -w 1
`);
  // an address that the machine already has stays where it is
  expect([...(serviceInterface.addresses ?? [])].sort()).toEqual([
    '10.96.0.1',
    '10.96.0.2',
    '203.0.113.7',
  ]);
  expect(await setOf('KUBE-CLUSTER-IP')).toEqual(['10.96.0.1,tcp:80', '10.96.0.2,tcp:80']);
  expect(await setOf('KUBE-NODE-PORT-TCP')).toEqual(['30080']);
  expect(await setOf('KUBE-IPVS-IPS')).toEqual(['10.96.0.1', '10.96.0.2', '203.0.113.7']);
  expect(await ipset.list(undefined)).toHaveLength(17);
  expect(await iptables.save('nat')).toContain('-A PREROUTING');
});

it('costs one dump of services when nothing changed', async () => {
  await sync();
  const restored = iptables.restored.length;
  Object.assign(ipvs.calls, { listServices: 0, listDestinations: 0, apply: 0 });
  const applied = ipvs.applied.length;
  Object.assign(ipset.calls, { list: 0, add: 0, delete: 0 });
  expect(await sync()).toBe('partial');
  expect(ipvs.calls).toMatchObject({ listServices: 1, listDestinations: 0 });
  expect(ipvs.applied).toHaveLength(applied);
  expect(ipset.calls).toEqual({ list: 0, add: 0, delete: 0 });
  expect(iptables.restored).toHaveLength(restored);
});

it('changes only what a new endpoint affects', async () => {
  await sync();
  ipvs.applied.length = 0;
  cluster.put(slice('default/web', '10.0.0.1', '10.0.0.2', '10.0.0.9'));
  await sync();
  expect(ipvs.applied.map(({ kind }) => kind)).toEqual(['add-destination']);
});

it('removes what no Service needs, and nothing of other programs', async () => {
  const foreign = parseSave(
    '-A -t 172.16.0.1:80 -s rr\n-A -f 5 -s rr\n-A -t [fd00::1]:80 -s rr\n-A -t 10.9.9.9:80 -s rr\n',
  );
  await ipvs.apply(foreign.map(({ service }) => ({ kind: 'add-service', service })));
  await sync();
  cluster.remove(web);
  await sync();
  const left = await table();
  expect(left).not.toContain('10.96.0.1:');
  expect(left).not.toContain('10.9.9.9');
  for (const kept of ['172.16.0.1:80', '-f 5', '[fd00::1]:80']) expect(left).toContain(kept);
  expect(serviceInterface.addresses?.has('10.96.0.1')).toBe(false);
  expect(await setOf('KUBE-CLUSTER-IP')).toEqual(['10.96.0.2,tcp:80']);
});

it('reports that an address and port are taken, and clears the report when they are free', async () => {
  const rival = aService('default/rival', {
    clusterIP: '10.96.0.3',
    externalIPs: ['203.0.113.7'],
    ports: [port],
  });
  cluster.put(rival);
  await sync();
  expect([...reported]).toEqual([
    ['default/rival', [expect.stringContaining('is already served for another Service')]],
  ]);
  cluster.remove(api);
  await sync();
  expect([...reported]).toEqual([]);
  expect(await table()).toContain('-A -t 203.0.113.7:80');
});

it('checks every destination once a period without a request per service', async () => {
  await sync();
  backend.requestFull();
  Object.assign(ipvs.calls, { listServices: 0, listDestinations: 0, outline: 0, apply: 0 });
  expect(await sync()).toBe('full');
  expect(ipvs.calls).toMatchObject({ listServices: 1, listDestinations: 0, outline: 1 });
});

describe('graceful termination', () => {
  const id = { kind: 'address', protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
  const weights = async () =>
    (await ipvs.listDestinations(id)).map(({ address, weight }) => `${address} ${weight}`);

  it('keeps a busy destination at weight 0 until it is idle', async () => {
    await sync();
    ipvs.setConnections(id, '10.0.0.2:80', 1);
    cluster.put(slice('default/web', '10.0.0.1'));
    await sync();
    expect(await weights()).toEqual(['10.0.0.1 1', '10.0.0.2 0']);
    const stop = new AbortController();
    const watching = backend.watch(() => undefined, stop.signal);
    await clock.advance(10_000);
    expect(await weights()).toEqual(['10.0.0.1 1', '10.0.0.2 0']);
    ipvs.setConnections(id, '10.0.0.2:80', 0);
    await clock.advance(10_000);
    expect(await weights()).toEqual(['10.0.0.1 1']);
    stop.abort();
    await watching;
  });

  it('gives a returning destination its weight again', async () => {
    await sync();
    ipvs.setConnections(id, '10.0.0.2:80', 1);
    cluster.put(slice('default/web', '10.0.0.1'));
    await sync();
    cluster.put(slice('default/web', '10.0.0.1', '10.0.0.2'));
    await sync();
    expect(await weights()).toEqual(['10.0.0.1 1', '10.0.0.2 1']);
  });
});

it('retries a second after a failed restore, not a period', async () => {
  let asked = 0;
  const stop = new AbortController();
  const watching = backend.watch(() => (asked += 1), stop.signal);
  const restore = iptables.restore.bind(iptables);
  iptables.restore = () => Promise.reject(new NetfilterError('NETFILTER_LOCKED', 'busy'));
  await expect(sync()).rejects.toMatchObject({ code: 'NETFILTER_LOCKED' });
  expect(await ipvs.listServices()).toEqual([]); // no traffic is taken before it can be answered
  await clock.advance(999);
  expect(asked).toBe(0);
  await clock.advance(1);
  expect(asked).toBe(1);
  iptables.restore = restore;
  expect(await sync()).toBe('full');
  expect(await ipvs.listServices()).toHaveLength(5);
  stop.abort();
  await watching;
});

it('compares everything with the kernel once a period', async () => {
  await sync();
  let asked = 0;
  const stop = new AbortController();
  const watching = backend.watch(() => (asked += 1), stop.signal);
  await clock.advance(30_000);
  expect(asked).toBe(1);
  await ipvs.apply([{ kind: 'flush' }]);
  await ipset.flush('KUBE-CLUSTER-IP');
  serviceInterface.addresses?.clear();
  expect(await sync()).toBe('full');
  expect(await ipvs.listServices()).toHaveLength(5);
  expect(await setOf('KUBE-CLUSTER-IP')).toHaveLength(2);
  expect(serviceInterface.addresses?.size).toBe(3);
  stop.abort();
  await watching;
});

it('removes objects of iptables mode, and keeps those that it has itself', async () => {
  const before = new IptablesBackend({
    iptables,
    settings: baseSettings,
    nodePortAddresses: nodePortAddresses('IPv4', []),
    interfaces: { addresses: () => ['192.168.0.2'] },
    syncPeriodMs: 30_000,
    clock,
    log: new MemoryLogger(),
    metrics: iptablesMetrics(metrics),
    counters: { ensure: async () => ({ invalidDropped: false, localhostNodePorts: false }) },
    problems: { set: () => undefined },
  });
  // default/web has no endpoint: the filter table refuses it
  const other = aCluster([web, api, slice('default/api', '10.0.0.3')]);
  await before.sync(other.builder.view, other.builder.update(), signal);
  expect(await iptables.save('filter')).toContain('-A KUBE-SERVICES');
  await sync();
  const saved = (await iptables.save('nat')) + (await iptables.save('filter'));
  expect(saved).not.toMatch(/KUBE-(SVC-|SEP-|EXT-|NODEPORTS|EXTERNAL-SERVICES|PROXY-CANARY)/);
  expect(await iptables.save('filter')).not.toContain('KUBE-SERVICES');
  expect(saved.match(/^-A (PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING).*/gm)?.sort()).toEqual(
    IPVS_JUMPS.map(({ chain, rule }) => renderAppend(chain, rule))
      // including the kubelet's jumps
      .concat(['-A INPUT -j KUBE-FIREWALL', '-A OUTPUT -j KUBE-FIREWALL'])
      .sort(),
  );
  expect(saved).toContain('--match-set KUBE-CLUSTER-IP');
});

it('leaves nothing behind after a clean-up', async () => {
  await sync();
  expect(await cleanupIpvsRules(iptables, signal)).toEqual([]);
  const netlink = { ipvs, ipset, serviceInterface, close: () => undefined };
  expect(await cleanupIpvsKernel(netlink, signal)).toEqual([]);
  expect(await ipvs.listServices()).toEqual([]);
  expect(await ipset.list(undefined)).toEqual([]);
  expect(serviceInterface.addresses).toBeUndefined();
  expect(await iptables.save('nat')).not.toMatch(/KUBE-(NODE-PORT|LOAD-BALANCER)/);
});
