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

beforeAll(async () => {
  await node.run(['modprobe', 'sctp']);
  // others' virtual servers, in a range that is not ours
  await node.run(['ipvsadm', '-A', '-u', '192.0.2.7:1', '-s', 'rr']);
});

const isSynced = (family: string): boolean =>
  last.log.lines.some(({ message, fields }) => {
    return message === 'rules synced' && fields['family'] === family;
  });

packetSuite({
  mode: 'ipvs',
  node,
  sctp: true,
  start: async (_, objects, config) => {
    const more = config as { ipvs: object };
    const ipvs = { ...more.ipvs, syncPeriod: '30s', excludeCIDRs: ['192.0.2.0/24'] };
    last = startProxy(node, objects, { ...config, ipvs }, { ...machineOf(node), openNetlink });
    // each world's proxy finds what the one before left, and makes its own of it
    await waitFor(() => FAMILIES.every(isSynced), { what: 'both families to be synced' });
    return { remove: () => last.stop() };
  },
});

afterAll(async () => {
  expect(await node.run(['ipvsadm', '-S', '-n'])).toContain('-A -u 192.0.2.7:1 -s rr');
  const cleanup = {
    commands: createSpawnRunner(),
    logger: last.log,
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
