import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryIptables } from '@nodeagent/netfilter/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { nodePortAddresses } from '../../../../src/model/node-ports.js';
import { userspaceMetrics } from '../../../../src/model/userspace-metrics.js';
import { cleanupIptables, cleanupPortals } from '../../../../src/run/iptables/cleanup.js';
import { UserspaceBackend } from '../../../../src/run/userspace/backend.js';
import {
  aCluster,
  aService,
  aSlice,
  type Cluster,
  MemoryForwardSockets,
} from '../../../../src/testing/index.js';

const signal = new AbortController().signal;
const port = { port: 80, protocol: 'TCP', name: 'http' };
const web = aService('default/web', {
  clusterIP: '10.96.0.1',
  type: 'NodePort',
  ports: [{ ...port, nodePort: 30_080 }],
});
const slice = (...ips: string[]) => aSlice('default/web', [port], ips);

let iptables: MemoryIptables;
let metrics: MemoryMetrics;
let sockets: MemoryForwardSockets;
let problems: Map<string, readonly string[]>;
let cluster: Cluster;
let backend: UserspaceBackend;

beforeEach(() => {
  iptables = new MemoryIptables('IPv4');
  metrics = new MemoryMetrics();
  sockets = new MemoryForwardSockets();
  problems = new Map();
  cluster = aCluster([web, slice('10.0.0.1')]);
  backend = new UserspaceBackend({
    family: 'IPv4',
    iptables,
    sockets,
    localTraffic: undefined,
    nodePortAddresses: nodePortAddresses('IPv4', []),
    interfaces: { addresses: () => [] },
    syncPeriodMs: 30_000,
    clock: new ManualClock(),
    random: () => 0.5,
    log: new MemoryLogger(),
    metrics: userspaceMetrics(metrics),
    problems: {
      set: ({ name }, messages) => {
        if (messages.length > 0) problems.set(name, messages);
      },
    },
    portRange: 'any',
    udpIdleMs: 4000,
  });
});

const sync = () => {
  const change = cluster.builder.update();
  return backend.sync(cluster.builder.view, change, signal);
};
const written = () => iptables.restored.at(-1) ?? '';

describe(UserspaceBackend, () => {
  it('redirects a Service to its own socket, and holds its node port', async () => {
    expect(await sync()).toBe('full');
    expect(written()).toContain('-d 10.96.0.1 --dport 80 -j REDIRECT --to-ports 40000\n');
    expect(written()).toContain('--dport 30080 -j REDIRECT --to-ports 40000\n');
    expect([...sockets.open.keys()]).toEqual(['TCP 40000', 'TCP 30080']);
    expect(sockets.pick('TCP', 40_000)).toEqual({ host: '10.0.0.1', port: 80 });
  });

  it('forgets silent UDP clients after the configured time', async () => {
    const dns = { port: 53, protocol: 'UDP', name: 'dns' };
    cluster.put(aService('default/dns', { clusterIP: '10.96.0.2', ports: [dns] }));
    cluster.put(aSlice('default/dns', [dns], ['10.0.0.1']));
    await sync();
    expect(sockets.idleMs).toBe(4000);
  });

  it('changes endpoints without touching the rules', async () => {
    await sync();
    cluster.put(slice('10.0.0.2'));
    expect(await sync()).toBe('partial');
    expect(iptables.restored).toHaveLength(1);
    expect(sockets.pick('TCP', 40_000)).toEqual({ host: '10.0.0.2', port: 80 });
  });

  it('counts connections, bytes and failures, and shows open connections by Service', async () => {
    await sync();
    const forwarding = sockets.open.get('TCP 40000');
    if (forwarding === undefined || forwarding === 'claimed') throw new Error('no socket');
    const value = (name: string, labels: string) =>
      metrics.values.get(`kubeproxy_userspace_${name}{${labels}}`);
    const tcp = 'ip_family="IPv4",protocol="TCP"';
    const open = () => value('open_connections', `${tcp},service="default/web:http"`);
    forwarding.opened();
    forwarding.opened();
    expect(open()).toBe(2);
    forwarding.closed({ toServer: 5, toClient: 14 });
    forwarding.failed(new Error('nobody there'));
    expect(open()).toBe(1);
    expect(value('connections_total', tcp)).toBe(2);
    expect(value('connection_failures_total', tcp)).toBe(1);
    expect(value('bytes_total', `direction="to_server",${tcp}`)).toBe(5);
    expect(value('bytes_total', `direction="to_client",${tcp}`)).toBe(14);
    cluster.remove(web);
    await sync();
    expect(open()).toBeUndefined();
    forwarding.closed({ toServer: 0, toClient: 0 });
    expect(open()).toBeUndefined();
  });

  it('refuses connections when there is no endpoint left, and closes the socket', async () => {
    await sync();
    cluster.remove(slice());
    await sync();
    expect(written()).not.toContain('REDIRECT');
    expect(written()).toMatch(/KUBE-PORTALS-REFUSE .*-d 10\.96\.0\.1 --dport 80 -j REJECT\n/);
    expect([...sockets.open.keys()]).toEqual(['TCP 30080']);
  });

  it('releases everything with the Service', async () => {
    await sync();
    cluster.remove(web);
    await sync();
    expect(sockets.open.size).toBe(0);
    expect(written()).not.toContain('10.96.0.1');
  });

  it('leaves a node port to the program that has it, and reports it', async () => {
    const other = await sockets.claim('TCP', { host: '0.0.0.0', port: 30_080 });
    await sync();
    expect(problems.get('default/web')?.[0]).toMatch(/^node port 30080\/TCP is taken/);
    expect(written()).toContain('10.96.0.1');
    expect(written()).not.toContain('30080');
    await other.close();
    cluster.put(slice('10.0.0.3'));
    await sync();
    expect(written()).toContain('30080');
  });

  it('reports what it cannot carry', async () => {
    const sctp = { ...port, protocol: 'SCTP' };
    cluster.put(aService('default/s', { clusterIP: '10.96.0.9', ports: [sctp] }));
    await sync();
    expect(problems.get('default/s')).toEqual(['SCTP cannot be carried by the userspace mode']);
  });

  it('writes everything again after a failure, or on request', async () => {
    await sync();
    iptables.failRestoreWith = new Error('refused');
    backend.requestFull();
    await expect(sync()).rejects.toThrow('refused');
    iptables.failRestoreWith = undefined;
    expect(await sync()).toBe('full');
    expect(iptables.restored).toHaveLength(2);
  });

  it.each([
    ['the clean-up of all modes', cleanupIptables],
    ['a change to the iptables mode', cleanupPortals],
  ])('leaves nothing after %s', async (_when, cleanup) => {
    await sync();
    expect(await cleanup(iptables, signal)).toEqual([]);
    const names = iptables.dump().flatMap(({ chains }) => chains.map(({ name }) => name));
    expect(names.filter((name) => /PORTAL|NODEPORT/.test(name))).toEqual([]);
  });
});
