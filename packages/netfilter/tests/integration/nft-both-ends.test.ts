import { createSystemClock } from '@nodeagent/base/system';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { describe, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createSpawnRunner } from '../../src/adapters/spawn-command.js';
import {
  NetlinkNftTable,
  NftEars,
  type NftOperation,
  renderNftScript,
} from '../../src/nftables.js';
import { corpusOperations, NFT_CORPUS, type NftCorpus } from '../rules/nft-corpus.js';

const never = new AbortController().signal;
const runner = createSpawnRunner();
const open = () => openNetlinkSocket({ protocol: PROTOCOL.netfilter });

/** Text and netlink come from one model: what the kernel lists must be the same. */
inOwnNamespace('tests/integration/nft-both-ends.test.ts', () => {
  const nft = async (args: readonly string[], stdin?: readonly string[]): Promise<string> => {
    const command = { argv: ['nft', ...args] as const, ...(stdin && { stdin }) };
    const result = await runner.run(command, never);
    if (result.exitCode !== 0) throw new Error(`${stdin?.join('') ?? ''}${result.stderr}`);
    return result.stdout;
  };

  async function listed(corpus: NftCorpus, put: () => Promise<unknown>): Promise<string> {
    const { family, name } = corpus.table;
    await put();
    const text = await nft(['list', 'table', family, name]);
    await nft(['delete', 'table', family, name]);
    return text.replace(/ expires \S+/g, '');
  }

  const ears = new NftEars(open());
  const byNetlink = async (
    { table }: NftCorpus,
    operations: readonly NftOperation[],
  ): Promise<void> => {
    const handle = new NetlinkNftTable({ table, clock: createSystemClock(), socket: open(), ears });
    await handle.inventory(never);
    await handle.apply(operations, never).finally(() => handle.close());
  };

  describe.each(NFT_CORPUS)('$name', (corpus) => {
    const start = [{ op: 'add-table' } as const, ...corpus.before];
    it.each(
      corpus.rules.map(
        (rule) =>
          [
            [...renderNftScript(corpus.table, [{ op: 'add-rule', chain: 'rules', rule }])]
              .join('')
              .trim(),
            rule,
          ] as const,
      ),
    )('%s', async (_text, rule) => {
      const operations = [...start, { op: 'add-rule', chain: 'rules', rule } as const];
      const text = await listed(corpus, () =>
        nft(['-f', '-'], [...renderNftScript(corpus.table, operations)]),
      );
      const netlink = await listed(corpus, () => byNetlink(corpus, operations));
      expect(netlink).toBe(text);
    });

    it('all of its rules at once', async () => {
      const all = corpusOperations(corpus);
      const text = await listed(corpus, () =>
        nft(['-f', '-'], [...renderNftScript(corpus.table, all)]),
      );
      expect(await listed(corpus, () => byNetlink(corpus, all))).toBe(text);
    });
  });
});
