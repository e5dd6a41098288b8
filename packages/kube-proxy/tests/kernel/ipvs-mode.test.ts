import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

import { ENDPOINT_SLICES } from '@nodeagent/kube-client';
import { createSystemClock } from '@nodeagent/base/system';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { thisNetns, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cleanupEverything, type OpenNetlink } from '../../src/index.js';
import { aService, aSlice } from '../../src/testing/index.js';
import { FAMILIES } from '../packets/hosts.js';
import { machineOf, type RunningProxy, seed, startProxy } from '../integration/running-proxy.js';

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
  server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(8000);
  await once(server, 'listening');
  const udp = aSlice('default/dns', [{ ...port, protocol: 'UDP' }], ['10.244.1.1']);
  const objects = [web, sticky, six, dns, slice('default/web', '10.244.1.1', '10.244.1.2')];
  proxy = startProxy(
    node,
    [
      ...objects,
      udp,
      slice('default/sticky', '10.244.1.1'),
      slice('default/six', 'fd00:10:244::1'),
    ],
    config,
    machine,
  );
  await waitFor(() => FAMILIES.every(isSynced), { what: 'both families to be synced' });
});

afterAll(async () => {
  await proxy?.stop();
  server?.close();
  const commands = createSpawnRunner();
  const cleanup = { commands, logger: proxy.log, clock: createSystemClock(), openNetlink };
  await cleanupEverything(cleanup, new AbortController().signal);
  await node.run(['ip', 'link', 'delete', 'pods']);
});

const block = async (first: string): Promise<string> => {
  const lines = (await table()).split('\n');
  const at = lines.findIndex((line) => line.startsWith(first));
  const length = lines.slice(at + 1).findIndex((line) => !line.startsWith('  ->'));
  const words = lines.slice(at, at + 1 + length).map((line) => line.trim().split(/ +/));
  return words.map((line) => line.slice(0, 4).join(' ')).join('\n');
};

it('shows in ipvsadm what people look for', async () => {
  const servers = '-> 10.244.1.1:8000 Masq 1\n-> 10.244.1.2:8000 Masq 1';
  for (const address of ['10.96.0.1:8000', '192.0.2.1:8000', '203.0.113.1:8000']) {
    expect(await block(`TCP  ${address} `)).toBe(`TCP ${address} rr\n${servers}`);
  }
  expect(await block('TCP  192.0.2.1:30080 ')).toBe(`TCP 192.0.2.1:30080 rr\n${servers}`);
  expect(await block('TCP  10.96.0.2:8000 ')).toBe(
    'TCP 10.96.0.2:8000 rr persistent\n-> 10.244.1.1:8000 Masq 1',
  );
  expect(await table()).toContain('10.96.0.2:8000 rr persistent 10800\n');
  expect(await block('TCP  [fd00:96::3]:8000 ')).toContain('-> [fd00:10:244::1]:8000 Masq 1');
  expect(await block('UDP  10.96.0.4:8000 ')).toContain('-> 10.244.1.1:8000 Masq 1');
  expect(await node.run(['ipvsadm', '-L', '--timeout'])).toContain('1000 120 300');
});

it('holds the addresses on kube-ipvs0, but for those that the machine has anyway', async () => {
  const addresses = await node.run(['ip', '-o', 'addr', 'show', 'dev', 'kube-ipvs0']);
  const found = [...addresses.matchAll(/inet6? (\S+)/g)].map(([, address]) => address);
  expect(found.sort()).toEqual(
    ['10.96.0.1/32', '10.96.0.2/32', '10.96.0.4/32', '203.0.113.1/32', 'fd00:96::3/128'].sort(),
  );
  expect(await node.run(['ip', '-br', 'link', 'show', 'dev', 'kube-ipvs0'])).toContain('DOWN');
});

it('has the same entries in ipset', async () => {
  const members = async (name: string) =>
    ((await node.run(['ipset', 'list', name])).split('Members:\n')[1] ?? '')
      .trim()
      .split('\n')
      .sort();
  expect(await members('KUBE-CLUSTER-IP')).toEqual([
    '10.96.0.1,tcp:8000',
    '10.96.0.2,tcp:8000',
    '10.96.0.4,udp:8000',
  ]);
  expect(await members('KUBE-6-CLUSTER-IP')).toEqual(['fd00:96::3,tcp:8000']);
  expect(await members('KUBE-NODE-PORT-TCP')).toEqual(['30080']);
});

describe('an endpoint that goes', () => {
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

  it('keeps its connections at weight 0, and its weight returns with it', async () => {
    await dial();
    await dial(); // round robin: one to each
    change('10.244.1.1');
    const drained = ['10.244.1.1 1', '10.244.1.2 0'];
    await waitFor(async () => (await weights()).join() === drained.join(), { what: 'weight 0' });
    for (const socket of open) expect(await echo(socket)).toBe('still here');
    change('10.244.1.1', '10.244.1.2');
    const both = ['10.244.1.1 1', '10.244.1.2 1'];
    await waitFor(async () => (await weights()).join() === both.join(), { what: 'weight 1' });
    for (const socket of open) expect(await echo(socket)).toBe('still here');
  });

  it('is taken out within a minute of its last connection', async () => {
    change('10.244.1.1');
    await waitFor(async () => (await weights()).includes('10.244.1.2 0'), { what: 'weight 0' });
    for (const socket of open) socket.resetAndDestroy();
    await waitFor(async () => (await weights()).join() === '10.244.1.1 1', {
      what: 'the idle destination to go',
    });
  });

  it('is taken out at once where the protocol has no end', async () => {
    proxy.client.drop(ENDPOINT_SLICES, { namespace: 'default', name: 'dns-1' });
    const gone = async () => !(await block('UDP  10.96.0.4:8000 ')).includes('->');
    await waitFor(gone, { what: 'the UDP destination to go' });
  });
});

it('puts back what others took away, within a period', async () => {
  await node.run(['ipvsadm', '-C']);
  await node.run(['ip', 'addr', 'flush', 'dev', 'kube-ipvs0']);
  await node.run(['ipset', 'flush', 'KUBE-CLUSTER-IP']);
  await node.run(['iptables', '-t', 'nat', '-F', 'KUBE-SERVICES']);
  const restored = async () =>
    (await table()).includes('10.96.0.1:8000') &&
    (await node.run(['ip', 'addr'])).includes('10.96.0.1/32') &&
    (await node.run(['ipset', 'list', 'KUBE-CLUSTER-IP'])).includes('10.96.0.1,tcp:8000') &&
    (await node.run(['iptables-save', '-t', 'nat'])).includes('--match-set KUBE-CLUSTER-IP');
  await waitFor(restored, { what: 'everything to be back' });
});

it('says before it starts that there is no such scheduler', async () => {
  const bad = startProxy(node, [], { ...config, ipvs: { scheduler: 'nope' } }, machine);
  await expect(bad.ended).rejects.toMatchObject({
    name: 'ProxyError',
    code: 'PROXY_MODE_UNAVAILABLE',
    message: expect.stringContaining('scheduler nope'),
  });
});
