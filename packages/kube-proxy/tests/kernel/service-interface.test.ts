import { createSystemClock } from '@nodeagent/base/system';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { countSocket, noCounts } from '@nodeagent/netlink-codec/testing';
import { thisNetns } from '@nodeagent/testbed';
import { beforeEach, expect, it, onTestFinished } from 'vitest';

import { KernelServiceInterface } from '../../src/run/ipvs/service-interface.js';

const signal = new AbortController().signal;
const node = thisNetns();
const NAME = 'svc-test0';
const counts = noCounts();
let link: KernelServiceInterface;

beforeEach(async () => {
  await node.try(['ip', 'link', 'delete', NAME]);
  Object.assign(counts, noCounts());
  link = new KernelServiceInterface({
    name: NAME,
    open: () => countSocket(openNetlinkSocket({ protocol: PROTOCOL.route }), counts),
    clock: createSystemClock(),
  });
  onTestFinished(() => link.close());
});

/** `2: svc-test0    inet 10.0.0.1/32 scope global svc-test0 …` */
const printed = async (): Promise<readonly string[]> => {
  const text = await node.run(['ip', '-o', 'addr', 'show', 'dev', NAME]);
  return [...text.matchAll(/inet6? (\S+) scope (\w+)/g)].map(([, ip, scope]) => `${ip} ${scope}`);
};

it('creates a dummy interface that stays down, and removes it with its addresses', async () => {
  await link.ensure(signal);
  await link.ensure(signal);
  const shown = await node.run(['ip', '-d', 'link', 'show', 'dev', NAME]);
  expect(shown).toMatch(/state DOWN[^]*\bdummy\b/);
  await link.add(['10.96.0.1'], signal);
  await link.destroy(signal);
  await link.destroy(signal);
  expect((await node.try(['ip', 'link', 'show', 'dev', NAME])).exitCode).not.toBe(0);
});

it('adds, lists and removes the addresses that ip addr prints', async () => {
  await link.ensure(signal);
  const both = ['10.96.0.1', 'fd00:96::1'];
  await link.add([...both, '10.96.0.2'], signal);
  await link.add(both, signal);
  const wanted = ['10.96.0.1/32 global', '10.96.0.2/32 global', 'fd00:96::1/128 global'];
  expect([...(await printed())].sort()).toEqual(wanted);
  expect([...(await link.list('IPv4', signal)).own].sort()).toEqual(['10.96.0.1', '10.96.0.2']);
  expect((await link.list('IPv6', signal)).own).toEqual(['fd00:96::1']);
  await link.remove([...both, '10.96.0.9'], signal);
  expect(await printed()).toEqual(['10.96.0.2/32 global']);
});

it('lists the addresses of other interfaces, without loopback and link-local', async () => {
  await link.ensure(signal);
  const other = `${NAME}-b`;
  await node.run(['ip', 'link', 'add', other, 'type', 'dummy']);
  onTestFinished(async () => {
    await node.run(['ip', 'link', 'delete', other]);
  });
  await node.run(['ip', 'link', 'set', other, 'up']);
  await node.run(['ip', 'addr', 'add', '192.0.2.77/24', 'dev', other]);
  await node.run(['ip', 'addr', 'add', '2001:db8::77/64', 'dev', other, 'nodad']);
  await link.add(['10.96.0.1'], signal);
  const four = await link.list('IPv4', signal);
  expect(four.others).toContain('192.0.2.77');
  expect(four.others.filter((ip) => ip.startsWith('127.') || ip === '10.96.0.1')).toEqual([]);
  const six = await link.list('IPv6', signal);
  expect(six.others).toContain('2001:db8::77');
  expect(six.others.filter((ip) => ip === '::1' || ip.startsWith('fe80'))).toEqual([]);
});

it('takes a thousand addresses in a few system calls', async () => {
  await link.ensure(signal);
  const many = Array.from({ length: 1000 }, (_, n) => `10.97.${n >> 8}.${n & 255}`);
  Object.assign(counts, noCounts());
  await link.add(many, signal);
  expect(counts).toMatchObject({ messages: 1001, sends: 1 + Math.ceil(1000 / 128) });
  expect((await link.list('IPv4', signal)).own).toHaveLength(1000);
  expect(await printed()).toHaveLength(1000);
});

it('reports what it cannot do', async () => {
  const failed = { name: 'ProxyError', code: 'PROXY_INTERFACE' };
  await expect(link.add(['10.96.0.1'], signal)).rejects.toMatchObject(failed);
  process.seteuid?.('nobody');
  try {
    await expect(link.ensure(signal)).rejects.toMatchObject({
      ...failed,
      message: expect.stringContaining('CAP_NET_ADMIN'),
    });
  } finally {
    process.seteuid?.(0);
  }
});
