import { createSystemClock } from '@nodeagent/base/system';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { thisNetns, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect } from 'vitest';

import { cleanupEverything, type OpenNetlink } from '../../src/index.js';
import { machineOf, type RunningProxy, startProxy } from '../integration/running-proxy.js';
import { FAMILIES } from '../packets/hosts.js';
import { packetSuite } from '../packets/suite.js';

const node = thisNetns();
const openNetlink: OpenNetlink = async (protocol) =>
  openNetlinkSocket({ protocol: PROTOCOL[protocol] });
let last: RunningProxy;

/** Rules that iptables mode left when the first Service had no endpoint. */
const LEFT_BEHIND = `\
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -j KUBE-SVC-ABCDEFGHIJKLMNOP
COMMIT
*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j REJECT
-A KUBE-EXTERNAL-SERVICES -p tcp -m tcp --dport 30080 -j REJECT
COMMIT
`;

beforeAll(async () => {
  await node.run(['modprobe', 'sctp']);
  await node.run(['iptables-restore', '--noflush'], { input: LEFT_BEHIND });
  // virtual servers of another program, in an excluded range
  await node.run(['ipvsadm', '-A', '-u', '192.0.2.7:1', '-s', 'rr']);
});

const isSynced = (family: string): boolean =>
  last.log.lines.some(({ message, fields }) => {
    return message === 'rules synced' && fields['family'] === family;
  });

packetSuite({
  mode: 'ipvs',
  node,
  start: async (_, objects, config) => {
    const more = config as { ipvs: object };
    const ipvs = { ...more.ipvs, syncPeriod: '30s', excludeCIDRs: ['192.0.2.0/24'] };
    last = startProxy(node, objects, { ...config, ipvs }, { ...machineOf(node), openNetlink });
    // each world's proxy finds the tables of the one before and adapts them
    await waitFor(() => FAMILIES.every(isSynced), { what: 'both families to be synced' });
    return { remove: () => last.stop() };
  },
});

afterAll(async () => {
  expect(await node.run(['ipvsadm', '-S', '-n'])).toContain('-A -u 192.0.2.7:1 -s rr');
  const cleanup = {
    commands: createSpawnRunner(),
    log: last.log,
    clock: createSystemClock(),
    openNetlink,
  };
  await cleanupEverything(cleanup, new AbortController().signal);
  for (const program of ['iptables-save', 'ip6tables-save']) {
    expect((await node.run([program])).match(/KUBE-(?!FIREWALL)[\w-]+/g)).toBeNull();
  }
  expect(await node.run(['ipset', 'list', '-n'])).toBe('');
  expect(await node.run(['ipvsadm', '-S', '-n'])).toBe('');
  expect(await node.run(['ip', 'link'])).not.toContain('kube-ipvs0');
});
