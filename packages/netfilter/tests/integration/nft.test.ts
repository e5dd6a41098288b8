import { createSystemClock } from '@nodeagent/base/system';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { afterEach, describe, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createSpawnRunner } from '../../src/adapters/spawn-command.js';
import {
  createProgramNftTable,
  NetlinkNftTable,
  NftEars,
  type NftFamily,
  type NftSet,
  probeNft,
} from '../../src/nftables.js';
import { nftContract } from '../contract/nft-contract.js';

const never = new AbortController().signal;
const clock = createSystemClock();
const runner = createSpawnRunner();

inOwnNamespace('tests/integration/nft.test.ts', () => {
  const open: (() => void)[] = [];
  afterEach(() => open.splice(0).forEach((close) => close()));

  const newEars = (): NftEars => {
    const ears = new NftEars(openNetlinkSocket({ protocol: PROTOCOL.netfilter }));
    open.push(() => ears.close());
    return ears;
  };

  function byNetlink(
    family: NftFamily,
    name: string,
    { maxBatchBytes, ears = newEars() }: { maxBatchBytes?: number; ears?: NftEars } = {},
  ): NetlinkNftTable {
    const socket = openNetlinkSocket({ protocol: PROTOCOL.netfilter });
    const limit = maxBatchBytes === undefined ? {} : { maxBatchBytes };
    const made = new NetlinkNftTable({ table: { family, name }, clock, socket, ears, ...limit });
    open.push(() => made.close());
    return made;
  }
  const byProgram = (family: NftFamily, name: string, periodMs = 50) =>
    createProgramNftTable({ table: { family, name }, runner, clock, periodMs });

  describe('over netlink', () => {
    nftContract(async (family) => ({
      table: byNetlink(family, 'contract'),
      applyAsOther: (operations) => byProgram(family, 'contract').apply(operations, never),
    }));
  });

  describe('by the nft program', () => {
    nftContract(async (family) => ({
      table: byProgram(family, 'contract'),
      applyAsOther: (operations) => byNetlink(family, 'contract').apply(operations, never),
    }));
  });

  it.each(['ip', 'ip6'] as const)(
    'this kernel supports everything that the package asks for: %s',
    async (family) => {
      await probeNft(byNetlink(family, 'probe'), never);
      await probeNft(byProgram(family, 'probe'), never);
      expect(await byNetlink(family, 'probe').inventory(never)).toBeUndefined();
    },
  );

  it('nft prints what netlink wrote as the renderer writes it', async () => {
    const set: NftSet = {
      name: 'e',
      key: ['address', 'protocol', 'port', 'index'],
      data: ['address', 'port'],
    };
    const table = byNetlink('ip', 'shown');
    const key = ['destination', 'protocol', 'destination-port', { random: 2 }] as const;
    await table.apply(
      [
        { op: 'add-table' },
        { op: 'add-set', set },
        { op: 'add-chain', chain: { name: 'c' } },
        { op: 'add-rule', chain: 'c', rule: { steps: [{ kind: 'dnat-map', key, map: 'e' }] } },
        {
          op: 'add-elements',
          set,
          elements: [{ key: ['10.96.0.1', 'tcp', 80, 1], data: ['10.0.0.1', 8080] }],
        },
      ],
      never,
    );
    const { stdout } = await runner.run({ argv: ['nft', 'list', 'table', 'ip', 'shown'] }, never);
    expect(stdout).toContain('ip daddr . meta l4proto . th dport . numgen random mod 2 map @e');
    expect(stdout).toMatch(/10\.96\.0\.1 \. tcp \. 80 \. 0x0*1 : 10\.0\.0\.1 \. 8080/);
  });

  it('cuts long batches at the marked places', async () => {
    const set: NftSet = { name: 'many', key: ['address'] };
    const table = byNetlink('ip', 'long', { maxBatchBytes: 20_000 });
    const part = (n: number) =>
      Array.from({ length: 200 }, (_, i) => ({ key: [`10.${n}.${i}.1`] }));
    const parts = Array.from({ length: 50 }, (_, n) => [
      { op: 'add-elements', set, elements: part(n) } as const,
      { op: 'may-split' } as const,
    ]);
    await table.apply([{ op: 'add-table' }, { op: 'add-set', set }, ...parts.flat()], never);
    expect(await table.elements(set, never)).toHaveLength(10_000);
  });

  it('is not disturbed by changes of other tables', async () => {
    const table = byNetlink('ip', 'mine');
    const set: NftSet = { name: 's', key: ['address'] };
    await table.apply([{ op: 'add-table' }, { op: 'add-set', set }], never);
    for (let i = 0; i < 5; i += 1) {
      await byProgram('ip', `other-${i}`).apply([{ op: 'add-table' }], never);
      await table.apply([{ op: 'add-elements', set, elements: [{ key: [`10.0.0.${i}`] }] }], never);
    }
    expect(await table.elements(set, never)).toHaveLength(5);
  });

  it('notices an element that someone else added', async () => {
    const table = byNetlink('ip', 'spoilt');
    const set: NftSet = { name: 's', key: ['address'] };
    await table.apply([{ op: 'add-table' }, { op: 'add-set', set }], never);
    const element = { op: 'add-elements', set, elements: [{ key: ['10.0.0.1'] }] } as const;
    await byProgram('ip', 'spoilt').apply([element], never);
    const own = { ...element, elements: [{ key: ['10.0.0.2'] }] };
    await expect(table.apply([own], never)).rejects.toMatchObject({ code: 'NETFILTER_CHANGED' });
    await table.inventory(never);
    await table.apply([own], never);
    expect(await table.elements(set, never)).toHaveLength(2);
  });

  const many: NftSet = { name: 'many', key: ['address'] };
  const lots = {
    op: 'add-elements',
    set: many,
    elements: Array.from({ length: 4000 }, (_, i) => ({ key: [`10.0.${i >> 8}.${i & 255}`] })),
  } as const;
  const start = [{ op: 'add-table' }, { op: 'add-set', set: many }] as const;

  it('a large step of one table does not disturb others that share its ears', async () => {
    const ears = newEars();
    const [four, six] = [byNetlink('ip', 'large', { ears }), byNetlink('ip6', 'calm', { ears })];
    await four.apply(start, never);
    await six.apply(start, never);
    const done = new AbortController();
    let calls = 0;
    const watched = six.watch(() => (calls += 1), done.signal);
    await four.apply([lots], never);
    const own = { op: 'add-elements', set: many, elements: [{ key: ['2001:db8::1'] }] } as const;
    await six.apply([own], never);
    done.abort();
    await watched;
    expect(calls).toBe(0);
    expect(await four.elements(many, never)).toHaveLength(4000);
  });

  it('hears other programs again after a large step, whether it was taken or refused', async () => {
    const table = byNetlink('ip', 'deaf');
    const missing = { op: 'add-elements', set: { ...many, name: 'no' }, elements: [] } as const;
    await table.apply([...start, lots], never);
    const refused = [lots, { ...missing, elements: lots.elements }];
    await expect(table.apply(refused, never)).rejects.toThrow('ENOENT');
    await table.apply([{ op: 'flush-set', set: 'many' }], never);
    const element = { op: 'add-elements', set: many, elements: [{ key: ['10.9.9.9'] }] } as const;
    await byProgram('ip', 'deaf').apply([element], never);
    await expect(table.apply([lots], never)).rejects.toMatchObject({ code: 'NETFILTER_CHANGED' });
  });

  it('names the operation that the kernel refuses', async () => {
    const table = byNetlink('ip', 'wrong');
    const set: NftSet = { name: 's', key: ['address'] };
    const operations = [
      { op: 'add-table' },
      { op: 'add-elements', set, elements: [{ key: ['10.0.0.1'] }] },
    ] as const;
    await expect(table.apply(operations, never)).rejects.toThrow(
      'add elements ip wrong s { 10.0.0.1 }: ENOENT',
    );
  });
});
