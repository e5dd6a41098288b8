import { createSystemClock } from '@nodeagent/base/system';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { runCommand } from '@nodeagent/testbed';
import { expect, it, onTestFinished } from 'vitest';

import { ipsetEntryText, KernelIpset, renderIpsetRestore } from '../../src/ipset.js';
import { ipsetContract, SETS } from '../contract/ipset-contract.js';

const signal = new AbortController().signal;

async function create(): Promise<KernelIpset> {
  await runCommand(['ipset', 'destroy']);
  const open = () => openNetlinkSocket({ protocol: PROTOCOL.netfilter });
  const ipset = new KernelIpset({ open, clock: createSystemClock() });
  onTestFinished(() => ipset.close());
  return ipset;
}

ipsetContract('The kernel', create);

const sorted = (text: string) => text.trimEnd().split('\n').sort();

it('writes sets that ipset lists', async () => {
  const ipset = await create();
  for (const { spec, entries, texts } of SETS) {
    await ipset.ensure([spec], signal);
    await ipset.add(spec, entries, signal);
    const printed = await runCommand(['ipset', 'list', spec.name]);
    expect(printed).toContain(`Type: ${spec.type}\n`);
    expect(sorted(printed.split('Members:\n')[1] ?? '')).toEqual(texts);
  }
});

it('deletes, flushes, replaces and destroys sets; ipset no longer lists them', async () => {
  const ipset = await create();
  const members = async (name: string) =>
    sorted((await runCommand(['ipset', 'list', name])).split('Members:\n')[1] ?? '').filter(
      Boolean,
    );
  for (const { spec, entries, texts } of SETS) {
    await ipset.ensure([spec], signal);
    await ipset.add(spec, entries, signal);
    await ipset.delete(spec, entries.slice(1), signal);
    const [first] = entries.map(ipsetEntryText);
    expect(await members(spec.name)).toEqual(texts.filter((text) => text === first));
    await ipset.flush(spec.name, signal);
    expect(await members(spec.name)).toEqual([]);
    await ipset.replace(spec, entries, signal);
    expect(await members(spec.name)).toEqual(texts);
  }
  await ipset.destroy(
    SETS.map(({ spec }) => spec.name),
    signal,
  );
  expect(await runCommand(['ipset', 'list', '-n'])).toBe('');
});

it('reads sets that ipset restored from our text', async () => {
  const ipset = await create();
  await runCommand(['ipset', 'restore', '-exist'], { input: renderIpsetRestore(SETS) });
  const states = await ipset.list(undefined, signal);
  expect(states).toHaveLength(SETS.length);
  for (const { spec, texts } of SETS) {
    const state = states.find((each) => each.spec.name === spec.name);
    expect([...(state?.entries ?? [])].sort()).toEqual(texts);
  }
});

it('keeps a set that a rule uses, and changes its entries in one step', async () => {
  const ipset = await create();
  const spec = { name: 'USED', type: 'hash:ip', family: 'IPv4' } as const;
  await ipset.ensure([spec], signal);
  const rule = ['INPUT', '-m', 'set', '--match-set', 'USED', 'src', '-j', 'RETURN'];
  await runCommand(['iptables', '-A', ...rule]);
  try {
    expect((await ipset.list('USED', signal))[0]?.references).toBe(1);
    await expect(ipset.destroy(['USED'], signal)).rejects.toMatchObject({
      code: 'NETFILTER_SET_IN_USE',
    });
    await ipset.replace(spec, [{ ip: '10.0.0.7' }], signal);
    expect((await ipset.list('USED', signal))[0]?.entries).toEqual(['10.0.0.7']);
  } finally {
    await runCommand(['iptables', '-D', ...rule]);
  }
});

it('reports missing permission', async () => {
  const ipset = await create();
  process.seteuid?.('nobody');
  try {
    await expect(ipset.list(undefined, signal)).rejects.toMatchObject({
      code: 'NETFILTER_PERMISSION',
    });
  } finally {
    process.seteuid?.(0);
  }
});
