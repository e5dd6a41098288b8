import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { ENDPOINT_SLICES } from '@nodeagent/kube-client';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { ifStarted, thisNetns, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { OpenNetlink } from '../../src/index.js';
import { aService, aSlice } from '../../src/testing/index.js';
import { machineOf, type RunningProxy, seed, startProxy } from '../integration/running-proxy.js';
import { FAMILIES, NODE, OTHER_NODE } from '../packets/hosts.js';

const node = thisNetns();
const openNetlink: OpenNetlink = async (protocol) =>
  openNetlinkSocket({ protocol: PROTOCOL[protocol] });
const machine = { ...machineOf(node), openNetlink };
const port = { name: 'http', port: 8000, protocol: 'TCP' };
const web = aService('default/web', {
  clusterIP: '10.96.0.1',
  type: 'LoadBalancer',
  externalIPs: ['192.0.2.1', '203.0.113.1'],
  ports: [{ ...port, nodePort: 30_080 }],
});
const sticky = aService('default/sticky', {
  clusterIP: '10.96.0.2',
  sessionAffinity: 'ClientIP',
  ports: [port],
});
const six = aService('default/six', { clusterIP: 'fd00:96::3', ports: [port] });
const dns = aService('default/dns', {
  clusterIP: '10.96.0.4',
  ports: [{ ...port, protocol: 'UDP' }],
});
const udpDns = aSlice('default/dns', [{ ...port, protocol: 'UDP' }], ['10.244.1.1']);
const local = aService('default/local', {
  clusterIP: '10.96.0.5',
  type: 'NodePort',
  externalTrafficPolicy: 'Local',
  ports: [{ ...port, nodePort: 30_081 }],
});
const away = aService('default/away', {
  clusterIP: '10.96.0.6',
  type: 'NodePort',
  externalTrafficPolicy: 'Local',
  internalTrafficPolicy: 'Local',
  ports: [{ ...port, nodePort: 30_082 }],
});
const streams = aService('default/streams', {
  clusterIP: '10.96.0.7',
  type: 'NodePort',
  ports: [{ ...port, protocol: 'SCTP', nodePort: 30_083 }],
});
const balanced = aService(
  'default/balanced',
  {
    clusterIP: '10.96.0.8',
    type: 'LoadBalancer',
    loadBalancerSourceRanges: ['192.168.0.0/16'],
    ports: [{ ...port, nodePort: 30_084 }],
  },
  { ingress: [{ ip: '198.51.100.1' }] },
);
const empty = aService('default/empty', { clusterIP: '10.96.0.9', ports: [port] });
const stickySix = aService('default/sticky-six', {
  clusterIP: 'fd00:96::10',
  type: 'NodePort',
  sessionAffinity: 'ClientIP',
  sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
  ports: [{ ...port, nodePort: 30_085 }],
});
const here = (ip: string) => ({ ip, nodeName: NODE });
const elsewhere = (ip: string) => ({ ip, nodeName: OTHER_NODE });
const slice = (service: string, ...ips: string[]) => aSlice(service, [port], ips);
const config = {
  mode: 'ipvs',
  ipvs: { minSyncPeriod: '50ms', syncPeriod: '1s', tcpTimeout: '1000s' },
  clusterCIDR: '10.244.0.0/16,fd00:10:244::/48',
};

let proxy: RunningProxy;
let server: Server;
const table = () => node.run(['ipvsadm', '-Ln']);

const isSynced = (family: string): boolean =>
  proxy.log.lines.some(({ message, fields }) => {
    return message === 'rules synced' && fields['family'] === family;
  });

beforeAll(async () => {
  await node.run(['ip', 'link', 'add', 'pods', 'type', 'dummy']);
  await node.run(['ip', 'link', 'set', 'pods', 'up']);
  await node.run(['ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'pods']);
  for (const ip of ['10.244.1.1', '10.244.1.2']) {
    await node.run(['ip', 'addr', 'add', `${ip}/24`, 'dev', 'pods']);
  }
  await node.run(['ip', 'addr', 'add', 'fd00:10:244::1/64', 'dev', 'pods', 'nodad']);
  server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(8000);
  await once(server, 'listening');
  const objects = [
    ...[web, sticky, six, dns, local, away, streams, balanced, empty, stickySix, udpDns],
    slice('default/web', '10.244.1.1', '10.244.1.2'),
    slice('default/sticky', '10.244.1.1'),
    slice('default/six', 'fd00:10:244::1'),
    slice('default/balanced', '10.244.1.1'),
    slice('default/sticky-six', 'fd00:10:244::1', 'fd00:10:244:9::9'),
    aSlice('default/local', [port], [here('10.244.1.1'), elsewhere('10.244.9.9')]),
    aSlice('default/away', [port], [elsewhere('10.244.9.9')]),
    aSlice('default/streams', [{ ...port, protocol: 'SCTP' }], ['10.244.1.1', '10.244.9.9']),
  ];
  proxy = startProxy(node, objects, config, machine);
  await waitFor(() => FAMILIES.every(isSynced), { what: 'both families to be synced' });
});

afterAll(async () => {
  await ifStarted(proxy)?.stop(); // the proxy's rules stay for the next proxy or a clean-up
  ifStarted(server)?.close();
  await node.run(['ip', 'link', 'delete', 'pods']);
});

const block = async (first: string): Promise<string> => {
  const lines = (await table()).split('\n');
  const at = lines.findIndex((line) => line.startsWith(first));
  const length = lines.slice(at + 1).findIndex((line) => !line.startsWith('  ->'));
  const words = lines.slice(at, at + 1 + length).map((line) => line.trim().split(/ +/));
  return words.map((line) => line.slice(0, 4).join(' ')).join('\n');
};

/** Returns one line per virtual server, with its destinations. */
const shown = (text: string): readonly string[] =>
  text
    .split('\n')
    .slice(3)
    .join('\n')
    .replaceAll(/\n {2}-> (\S+) +(\w+) +(\d+) +\d+ +\d+ */g, ' -> $1 $2 $3')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [service = '', ...servers] = line.replaceAll(/ +/g, ' ').split(' -> ');
      return [service.trim(), ...servers.sort()].join(' -> ');
    })
    .sort();

/** Upstream's table for these Services. @see Kubernetes 1.36 pkg/proxy/ipvs/proxier.go, syncProxyRules */
const nodeIps = ['192.0.2.1', '10.244.1.1', '10.244.1.2'];
const [one, two, far] = ['10.244.1.1', '10.244.1.2', '10.244.9.9'].map((ip) => `${ip}:8000 Masq 1`);
const [six1, six9] = ['::1', ':9::9'].map((ip) => `[fd00:10:244${ip}]:8000 Masq 1`);
const WANTED = [
  ...['10.96.0.1', '192.0.2.1', '203.0.113.1'].map((ip) => `TCP ${ip}:8000 rr -> ${one} -> ${two}`),
  ...nodeIps.map((ip) => `TCP ${ip}:30080 rr -> ${one} -> ${two}`),
  `TCP 10.96.0.2:8000 rr persistent 10800 -> ${one}`,
  `UDP 10.96.0.4:8000 rr -> ${one}`,
  // the cluster's list for the cluster IP, this node's for the others
  `TCP 10.96.0.5:8000 rr -> ${one} -> ${far}`,
  ...nodeIps.map((ip) => `TCP ${ip}:30081 rr -> ${one}`),
  // nothing on this node: the cluster's list everywhere
  `TCP 10.96.0.6:8000 rr -> ${far}`,
  ...nodeIps.map((ip) => `TCP ${ip}:30082 rr -> ${far}`),
  `SCTP 10.96.0.7:8000 rr -> ${one} -> ${far}`,
  ...nodeIps.map((ip) => `SCTP ${ip}:30083 rr -> ${one} -> ${far}`),
  ...['10.96.0.8', '198.51.100.1'].map((ip) => `TCP ${ip}:8000 rr -> ${one}`),
  ...nodeIps.map((ip) => `TCP ${ip}:30084 rr -> ${one}`),
  'TCP 10.96.0.9:8000 rr',
  `TCP [fd00:96::3]:8000 rr -> ${six1}`,
  `TCP [fd00:96::10]:8000 rr persistent 60 -> ${six9} -> ${six1}`,
  `TCP [fd00:10:244::1]:30085 rr persistent 60 -> ${six9} -> ${six1}`,
];

it("shows upstream's table in ipvsadm", async () => {
  expect(shown(await table())).toEqual(shown(`\n\n\n${WANTED.join('\n')}`));
  expect(await node.run(['ipvsadm', '-L', '--timeout'])).toContain('1000 120 300');
});

it('holds the addresses on kube-ipvs0, except those that the machine has anyway', async () => {
  const addresses = await node.run(['ip', '-o', 'addr', 'show', 'dev', 'kube-ipvs0']);
  const found = [...addresses.matchAll(/inet6? (\S+)/g)].map(([, address]) => address);
  expect(found.sort()).toEqual(
    [
      ...[1, 2, 4, 5, 6, 7, 8, 9].map((n) => `10.96.0.${n}/32`),
      ...['198.51.100.1/32', '203.0.113.1/32', 'fd00:96::3/128', 'fd00:96::10/128'],
    ].sort(),
  );
  expect(await node.run(['ip', '-br', 'link', 'show', 'dev', 'kube-ipvs0'])).toContain('DOWN');
});

it('has the same entries in ipset', async () => {
  const saved = (await node.run(['ipset', 'save'])).split('\n');
  const wanted: Readonly<Record<string, readonly string[]>> = {
    'KUBE-CLUSTER-IP': [
      ...[1, 2, 5, 6, 8, 9].map((n) => `10.96.0.${n},tcp:8000`),
      '10.96.0.4,udp:8000',
      '10.96.0.7,sctp:8000',
    ],
    'KUBE-6-CLUSTER-IP': ['fd00:96::10,tcp:8000', 'fd00:96::3,tcp:8000'],
    'KUBE-NODE-PORT-TCP': ['30080', '30081', '30082', '30084'],
    'KUBE-6-NODE-PORT-TCP': ['30085'],
    'KUBE-NODE-PORT-LOCAL-TCP': ['30081', '30082'],
    'KUBE-NODE-PORT-SCTP-HASH': nodeIps.map((ip) => `${ip},sctp:30083`),
    'KUBE-EXTERNAL-IP': ['192.0.2.1,tcp:8000', '203.0.113.1,tcp:8000'],
    'KUBE-LOAD-BALANCER': ['198.51.100.1,tcp:8000'],
    'KUBE-LOAD-BALANCER-FW': ['198.51.100.1,tcp:8000'],
    'KUBE-LOAD-BALANCER-SOURCE-CIDR': ['198.51.100.1,tcp:8000,192.168.0.0/16'],
    'KUBE-LOOP-BACK': ['10.244.1.1,tcp:8000,10.244.1.1'],
    'KUBE-NODE-PORT-UDP': [],
    'KUBE-HEALTH-CHECK-NODE-PORT': [],
  };
  for (const [name, entries] of Object.entries(wanted)) {
    const lines = saved.filter((line) => line.startsWith(`add ${name} `)).sort();
    expect(lines).toEqual(entries.map((entry) => `add ${name} ${entry}`).sort());
    expect(saved.some((line) => line.startsWith(`create ${name} `))).toBe(true);
  }
});

describe('an endpoint that leaves', () => {
  const change = (...ips: string[]) => {
    proxy.client.drop(ENDPOINT_SLICES, { namespace: 'default', name: 'web-1' });
    seed(proxy.client, slice('default/web', ...ips));
  };
  const weights = async () =>
    [...(await block('TCP  10.96.0.1:8000 ')).matchAll(/-> (\S+):8000 Masq (\d)/g)]
      .map(([, ip, weight]) => `${ip} ${weight}`)
      .sort();
  const open: Socket[] = [];
  const dial = async (): Promise<void> => {
    const socket = connect({ host: '10.96.0.1', port: 8000 });
    open.push(socket.on('error', () => undefined));
    await once(socket, 'connect');
  };
  const echo = async (socket: Socket): Promise<string> => {
    socket.write('still here');
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString();
  };
  afterAll(() => open.forEach((socket) => socket.destroy()));

  it('keeps its connections at weight 0, and gets its weight back when it returns', async () => {
    await dial();
    await dial(); // round robin: one connection to each
    change('10.244.1.1');
    const drained = ['10.244.1.1 1', '10.244.1.2 0'];
    await waitFor(async () => (await weights()).join() === drained.join(), { what: 'weight 0' });
    for (const socket of open) expect(await echo(socket)).toBe('still here');
    change('10.244.1.1', '10.244.1.2');
    const both = ['10.244.1.1 1', '10.244.1.2 1'];
    await waitFor(async () => (await weights()).join() === both.join(), { what: 'weight 1' });
    for (const socket of open) expect(await echo(socket)).toBe('still here');
  });

  it.concurrent('is removed within a minute of its last connection', async () => {
    change('10.244.1.1');
    await waitFor(async () => (await weights()).includes('10.244.1.2 0'), { what: 'weight 0' });
    for (const socket of open) socket.resetAndDestroy();
    await waitFor(async () => (await weights()).join() === '10.244.1.1 1', {
      what: 'the idle destination to go',
    });
  });

  it.concurrent('is removed at once when the protocol has no end of connection', async () => {
    proxy.client.drop(ENDPOINT_SLICES, { namespace: 'default', name: 'dns-1' });
    const gone = async () => !(await block('UDP  10.96.0.4:8000 ')).includes('->');
    await waitFor(gone, { what: 'the UDP destination to go' });
  });
});

it('restores within a period what other programs removed', async () => {
  await node.run(['ipvsadm', '-C']);
  await node.run(['ip', 'addr', 'flush', 'dev', 'kube-ipvs0']);
  await node.run(['ipset', 'flush', 'KUBE-CLUSTER-IP']);
  await node.run(['iptables', '-t', 'nat', '-F', 'KUBE-SERVICES']);
  await node.run(['iptables', '-t', 'nat', '-F', 'PREROUTING']);
  const restored = async () =>
    (await table()).includes('10.96.0.1:8000') &&
    (await node.run(['ip', 'addr'])).includes('10.96.0.1/32') &&
    (await node.run(['ipset', 'list', 'KUBE-CLUSTER-IP'])).includes('10.96.0.1,tcp:8000') &&
    /-A PREROUTING .*-j KUBE-SERVICES\n[^]*--match-set KUBE-CLUSTER-IP/.test(
      await node.run(['iptables-save', '-t', 'nat']),
    );
  await waitFor(restored, { what: 'everything to be back' });
});

it('reports an unknown scheduler before it starts', async () => {
  const bad = startProxy(node, [], { ...config, ipvs: { scheduler: 'nope' } }, machine);
  await expect(bad.ended).rejects.toMatchObject({
    name: 'ProxyError',
    code: 'PROXY_MODE_UNAVAILABLE',
    message: expect.stringContaining('scheduler nope'),
  });
});
