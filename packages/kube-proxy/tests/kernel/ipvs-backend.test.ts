import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { readProcTable } from '@nodeagent/ipvs/netlink';
import { type CommandRunner, probeIptables } from '@nodeagent/netfilter';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { countSocket, noCounts } from '@nodeagent/netlink-codec/testing';
import { thisNetns } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { cleanupOtherModes, type OpenNetlink } from '../../src/index.js';
import type { IpFamily } from '../../src/model/address.js';
import { restoreFailuresCounter } from '../../src/model/iptables-metrics.js';
import { nodePortAddresses } from '../../src/model/node-ports.js';
import { IpvsBackend } from '../../src/run/ipvs/backend.js';
import { createNetlinkAccess } from '../../src/run/ipvs/netlink-access.js';
import { aCluster, aService, aSlice, type Cluster } from '../../src/testing/index.js';
import { FAMILIES } from '../packets/hosts.js';

const signal = new AbortController().signal;
const clock = createSystemClock();
const node = thisNetns();
const SERVICES = 150;
const ENDPOINTS = 3;
const port = { port: 80, protocol: 'TCP', name: 'http' };

const counts = { generic: noCounts(), netfilter: noCounts(), route: noCounts(), programs: 0 };
const openNetlink: OpenNetlink = async (protocol) =>
  countSocket(openNetlinkSocket({ protocol: PROTOCOL[protocol] }), counts[protocol]);
const netlink = createNetlinkAccess({ openNetlink, clock, readIpvsTable: readProcTable });
const spawn = createSpawnRunner();
/** The virtual servers and addresses that packets would have met when the rules were written. */
const duringRestore: string[] = [];
const commands: CommandRunner = {
  run: async (command, inner) => {
    counts.programs += 1;
    if (command.argv[0].endsWith('-restore')) {
      duringRestore.push(await node.run(['ipvsadm', '-S', '-n']));
      duringRestore.push(await node.run(['ip', '-o', 'addr', 'show', 'dev', 'kube-ipvs0']));
    }
    return spawn.run(command, inner);
  },
};

async function aBackend(family: IpFamily): Promise<IpvsBackend> {
  const { iptables } = await probeIptables(commands, { family }, signal);
  return new IpvsBackend({
    ...netlink,
    iptables,
    settings: {
      family,
      scheduler: 'rr',
      nodeIp: undefined,
      masqueradeMark: 0x4000,
      masqueradeAll: false,
      randomFully: true,
      localTraffic: undefined,
    },
    nodePortAddresses: nodePortAddresses(family, []),
    excludeCidrs: [],
    syncPeriodMs: 30_000,
    clock,
    log: new MemoryLogger(),
    restoreFailures: restoreFailuresCounter(new MemoryMetrics()),
    problems: { set: () => undefined },
  });
}

const name = (n: number): string => `default/svc-${n}`;
const address = (n: number, family: IpFamily): string =>
  family === 'IPv4' ? `10.96.7.${n}` : `fd00:96::7:${n}`;
const slice = (n: number, family: IpFamily, count = ENDPOINTS) => {
  const at = (i: number) => (family === 'IPv4' ? `10.${1 + i}.0.${n}` : `fd00:${1 + i}::${n}`);
  return aSlice(
    name(n),
    [port],
    Array.from({ length: count }, (_, i) => at(i)),
  );
};

interface Side {
  readonly cluster: Cluster;
  readonly sync: () => Promise<'full' | 'partial'>;
  readonly backend: IpvsBackend;
}
const sides = new Map<IpFamily, Side>();
const side = (family: IpFamily): Side => sides.get(family)!;

beforeAll(async () => {
  // this test owns the guest's kernel, and other test files leave their rules behind
  await node.run(['ipvsadm', '-C']);
  await node.try(['ip', 'link', 'delete', 'kube-ipvs0']);
  for (const program of ['iptables-restore', 'ip6tables-restore']) {
    await node.run([program], { input: '*nat\nCOMMIT\n*filter\nCOMMIT\n' });
  }
  await node.run(['ipset', 'destroy']);
  await node.run(['ipset', 'create', 'OF-OTHERS', 'hash:ip']);
  for (const family of FAMILIES) {
    const numbers = Array.from({ length: SERVICES }, (_, n) => n);
    const cluster = aCluster(
      numbers.flatMap((n) => [
        aService(name(n), { clusterIP: address(n, family), ports: [port] }),
        slice(n, family),
      ]),
      { family },
    );
    const backend = await aBackend(family);
    const sync = () => backend.sync(cluster.builder.view, cluster.builder.update(), signal);
    sides.set(family, { cluster, sync, backend });
  }
});

afterAll(async () => {
  netlink.close();
  await node.run(['ipset', 'destroy', 'OF-OTHERS']);
});

const costOf = async (work: () => Promise<unknown>) => {
  const kinds = ['generic', 'netfilter', 'route'] as const;
  for (const kind of kinds) Object.assign(counts[kind], noCounts());
  counts.programs = 0;
  await work();
  const { generic, netfilter, route, programs } = counts;
  return {
    ipvs: generic.sends,
    dumps: generic.dumps,
    sets: netfilter.sends,
    addresses: route.sends,
    programs,
  };
};

it.each(FAMILIES)('%s: a first sync takes few system calls and programs', async (family) => {
  const operations = SERVICES * (1 + ENDPOINTS);
  const { addresses, ...cost } = await costOf(() => side(family).sync());
  expect(cost).toEqual({
    // one for the family's number
    ipvs: (family === 'IPv4' ? 1 : 0) + 1 + Math.ceil(operations / 128),
    dumps: 1,
    sets: 4, // create all, list all, fill two
    programs: 1 + 2 + 2 * 9 + 2, // the rules, a listing of jumps per table, each jump, leftovers
  });
  expect(addresses).toBeLessThan(10);
  expect((await node.run(['ipvsadm', '-S', '-n'])).split('\n')).toEqual(
    expect.arrayContaining([
      `-a -t ${family === 'IPv4' ? '10.96.7.9' : '[fd00:96::7:9]'}:80 -r ${
        family === 'IPv4' ? '10.3.0.9' : '[fd00:3::9]'
      }:80 -m -w 1`,
    ]),
  );
});

it('wrote its masquerading rules before it took any traffic', () => {
  expect(duringRestore.slice(0, 2)).toEqual(['', '']);
});

it.each(FAMILIES)('%s: a sync without changes is one dump, no program', async (family) => {
  expect(await costOf(() => side(family).sync())).toEqual({
    ipvs: 1,
    dumps: 1,
    sets: 0,
    addresses: 2,
    programs: 0,
  });
});

it.each(FAMILIES)('%s: comparing everything needs no request per service', async (family) => {
  const { sync, backend } = side(family);
  backend.requestFull();
  expect(await costOf(sync)).toEqual({ ipvs: 1, dumps: 1, sets: 2, addresses: 3, programs: 3 });
});

it.each(FAMILIES)('%s: one more endpoint is one message', async (family) => {
  const { sync, cluster } = side(family);
  cluster.put(slice(7, family, ENDPOINTS + 1));
  const cost = await costOf(sync);
  expect(cost).toMatchObject({ ipvs: 2, dumps: 1, sets: 0, programs: 0 });
});

it('leaves nothing to another mode, in either family, and spares objects of other programs', async () => {
  const log = new MemoryLogger();
  await cleanupOtherModes({ commands: spawn, log, clock, openNetlink }, 'nftables', signal);
  expect(await node.run(['ipvsadm', '-S', '-n'])).toBe('');
  expect(await node.run(['ipset', 'list', '-n'])).toBe('OF-OTHERS\n');
  expect(await node.run(['ip', 'link'])).not.toContain('kube-ipvs0');
  for (const program of ['iptables-save', 'ip6tables-save']) {
    expect(await node.run([program])).not.toMatch(/KUBE-(?!FIREWALL)/);
  }
});
