import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import {
  ENDPOINT_SLICES,
  type EndpointSlice,
  NODES,
  type Service,
  SERVICES,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import type { Netns } from '@nodeagent/testbed';

import {
  parseProxyConfig,
  type ProxyDependencies,
  runProxy,
  type Sysctl,
} from '../../src/index.js';
import { MemoryHttp } from '../../src/testing/index.js';
import { FAMILIES, NODE, NODE_POD_CIDRS, nodeAddresses, ZONE } from '../packets/hosts.js';

export interface RunningProxy {
  readonly client: MemoryKubeClient;
  readonly http: MemoryHttp;
  readonly log: MemoryLogger;
  readonly metrics: MemoryMetrics;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

type Machine = Pick<
  ProxyDependencies,
  'commands' | 'sysctl' | 'interfaces' | 'sockets' | 'openNetlink' | 'readIpvsTable'
>;

/**
 * The machine seen from outside its namespace: commands can enter the namespace; sockets of this
 * process cannot.
 */
export function machineOf(node: Netns | undefined): Machine {
  if (node === undefined) throw new Error('the namespace of this process needs its own adapters');
  const outside = (): never => {
    throw new Error('a mode with sockets runs inside its namespace: see startChildProxy');
  };
  return {
    commands: createSpawnRunner({ prefix: node.enter }),
    sysctl: sysctlIn(node),
    interfaces: {
      addresses: (family) => [family === 'IPv4' ? '127.0.0.1' : '::1', ...nodeAddresses(family)],
    },
    sockets: { forwardTcp: outside, forwardUdp: outside, claim: outside },
  };
}

/**
 * Runs the whole proxy in this process, on the kernel of a network namespace.
 *
 * @param machine adapters for the machine, when it is not a namespace seen from outside
 */
export function startProxy(
  node: Netns | undefined,
  objects: readonly (Service | EndpointSlice)[],
  config: object = {},
  machine: Machine = machineOf(node),
): RunningProxy {
  const client = createMemoryKubeClient({ clock: createSystemClock() });
  const ips = FAMILIES.map((family) => nodeAddresses(family)[0] ?? '');
  const addresses = ips.map((address) => ({ type: 'InternalIP', address }));
  const labels = { 'topology.kubernetes.io/zone': ZONE };
  client.seed(NODES, {
    metadata: { name: NODE, labels },
    spec: { podCIDRs: NODE_POD_CIDRS },
    status: { addresses },
  });
  for (const object of objects) seed(client, object);
  const http = new MemoryHttp();
  const log = new MemoryLogger();
  const metrics = new MemoryMetrics();
  const stop = new AbortController();
  const given = {
    clusterCIDR: '10.244.0.0/16,fd00:10:244::/48',
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '50ms', syncPeriod: '1s' },
    ...config,
  };
  const ended = runProxy(
    { config: parseProxyConfig(given, 'test').config, nodeName: NODE, initOnly: false },
    {
      client,
      ...machine,
      http,
      clock: createSystemClock(),
      random: Math.random,
      log,
      metrics: Object.assign(metrics, { contentType: 'text/plain', render: async () => '' }),
      cpuCount: 1,
    },
    stop.signal,
  );
  return {
    client,
    http,
    log,
    metrics,
    ended,
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}

export function seed(client: MemoryKubeClient, object: Service | EndpointSlice): void {
  if ('addressType' in object) client.seed(ENDPOINT_SLICES, object);
  else client.seed(SERVICES, object);
}

function sysctlIn(node: Netns): Sysctl {
  const pathOf = (key: string): string => (key.startsWith('/') ? key : `/proc/sys/${key}`);
  return {
    read: async (key) => (await node.run(['cat', pathOf(key)])).trim(),
    write: async (key, value) => {
      await node.run(['sh', '-c', 'echo "$1" > "$0"', pathOf(key), value]);
    },
  };
}
