import { createSystemClock } from '@nodeagent/base/system';
import { NetlinkConnection } from '@nodeagent/netlink-codec';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { describe, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createSpawnRunner } from '../../src/adapters/spawn-command.js';
import { createIptables, featuresFromVersion } from '../../src/index.js';
import { listNftTables, openNftTable } from '../../src/netlink.js';
import {
  createProgramNftTable,
  monitorNft,
  type NftChange,
  NftReader,
} from '../../src/nftables.js';

const never = new AbortController().signal;
const clock = createSystemClock();

inOwnNamespace('tests/integration/nft-refusals.test.ts', () => {
  const name = { family: 'ip', name: 'refusals' } as const;
  const denied = { code: 'NETFILTER_PERMISSION' };

  describe('without CAP_NET_ADMIN', () => {
    /** Privileges of the whole process: nothing else runs meanwhile. */
    async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
      process.seteuid?.(65_534);
      try {
        return await work();
      } finally {
        process.seteuid?.(0);
      }
    }

    it.each(['sync', 'plan', 'apply', 'list', 'delete'] as const)('%s says so', async (call) => {
      using table = openNftTable(name);
      const work = (): Promise<unknown> =>
        call === 'list' || call === 'delete' ? table[call]() : table[call]([{ op: 'add-table' }]);
      await expect(unprivileged(work)).rejects.toMatchObject(denied);
    });

    it('so does opening and listing', async () => {
      const opened = unprivileged(async () => {
        using table = openNftTable(name);
        await table.list();
      });
      await expect(opened).rejects.toMatchObject(denied);
      await expect(unprivileged(() => listNftTables())).rejects.toMatchObject(denied);
    });

    it('so does the nft program', async () => {
      const runner = createSpawnRunner({ prefix: ['setpriv', '--reuid=65534', '--clear-groups'] });
      const table = createProgramNftTable({ table: name, runner, clock });
      await expect(table.inventory(never)).rejects.toMatchObject(denied);
      await expect(table.apply([{ op: 'add-table' }], never)).rejects.toMatchObject(denied);
    });
  });

  it('iptables: a chain in use is not a lock', async () => {
    const run = createSpawnRunner();
    const features = featuresFromVersion('iptables v1.8.9 (nf_tables)')!;
    const iptables = createIptables({ runner: run, family: 'IPv4', features, variant: '-nft' });
    await iptables.ensureChain('filter', 'A', never);
    await iptables.ensureChain('filter', 'B', never);
    const rule = { matches: [], target: { kind: 'jump', chain: 'A' } } as const;
    await iptables.ensureRule({ table: 'filter', chain: 'B', rule }, 'last', never);
    await expect(iptables.deleteChain('filter', 'A', never)).rejects.toMatchObject({
      code: 'NETFILTER_COMMAND_FAILED',
      message: expect.stringContaining('busy'),
    });
  });

  it('the monitor reports that changes were lost, then goes on', async () => {
    const open = (receiveBufferBytes?: number) =>
      openNetlinkSocket({
        protocol: PROTOCOL.netfilter,
        ...(receiveBufferBytes !== undefined && { receiveBufferBytes }),
      });
    const socket = open(4096);
    const reader = new NftReader(new NetlinkConnection({ socket: open(), clock }));
    const stop = new AbortController();
    const changes = monitorNft({ socket, clock, reader, periodMs: 1 }, stop.signal);
    using table = openNftTable(name);
    const set = { name: 's', key: ['ipv4_addr'] } as const;
    const elements = Array.from({ length: 5000 }, (_, i) => ({
      key: [`10.0.${i >> 8}.${i & 255}`],
    }));
    await table.sync([
      { op: 'add-set', set },
      { op: 'add-elements', set, elements },
    ]);
    const seen: NftChange['kind'][] = [];
    for await (const change of changes) {
      if (change.kind === 'lost') await table.delete();
      seen.push(change.kind);
      if (change.kind === 'table' && change.change === 'deleted') stop.abort();
    }
    socket.close();
    expect(seen).toContain('lost');
    expect(seen.at(-1)).toBe('table');
  });
});
