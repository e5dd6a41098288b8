import { describe, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createSpawnRunner } from '../../src/adapters/spawn-command.js';
import { listNftTables, openNftTable } from '../../src/netlink.js';
import {
  type NftChange,
  type NftFilledChain,
  type NftOperation,
  type NftTableName,
  renderNftScript,
} from '../../src/nftables.js';
import { corpusOperations, NFT_CORPUS } from '../rules/nft-corpus.js';
import { FOREIGN } from '../rules/nft-foreign.js';

const never = new AbortController().signal;
const runner = createSpawnRunner();

inOwnNamespace('tests/integration/nft-handle.test.ts', () => {
  const nft = async (args: readonly string[], stdin?: readonly string[]): Promise<string> => {
    const command = { argv: ['nft', ...args] as const, ...(stdin && { stdin }) };
    const result = await runner.run(command, never);
    if (result.exitCode !== 0) throw new Error(result.stderr);
    return result.stdout;
  };
  const name: NftTableName = { family: 'inet', name: 'mine' };
  const match = (port: number): NftOperation => ({
    op: 'add-rule',
    chain: 'in',
    rule: {
      steps: [
        { kind: 'match', field: 'tcp dport', value: port },
        { kind: 'counter' },
        { kind: 'accept' },
      ],
    },
  });
  const base = { type: 'filter', hook: 'input', priority: 0 } as const;
  const input: NftOperation = { op: 'add-chain', chain: { name: 'in', base } };

  describe.each(NFT_CORPUS)('$name', (corpus) => {
    it('loads, lists, and finds no difference', async () => {
      using table = openNftTable(corpus.table);
      const desired = corpusOperations(corpus);
      expect(await table.plan(desired)).not.toEqual([]);
      await table.sync(desired);
      expect(await table.plan(desired)).toEqual([]);
      const listed = await table.list();
      const rules = listed?.chains.get('rules')?.rules ?? [];
      expect(rules).toHaveLength(corpus.rules.length);
      expect(rules.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'other'))).toEqual(
        [],
      );
      await table.delete();
    });

    it('finds no difference in what nft loaded', async () => {
      using table = openNftTable(corpus.table);
      const desired = corpusOperations(corpus);
      await nft(['-f', '-'], [...renderNftScript(corpus.table, desired)]);
      expect(await table.plan(desired)).toEqual([]);
      await table.delete();
    });

    it('what is listed can be loaded again', async () => {
      using table = openNftTable(corpus.table);
      await table.sync(corpusOperations(corpus));
      const listed = await table.list();
      const before = await nft(['list', 'table', corpus.table.family, corpus.table.name]);
      await table.delete();
      if (listed === undefined) throw new Error('no table');
      await table.sync(listed);
      const after = await nft(['list', 'table', corpus.table.family, corpus.table.name]);
      const plain = (text: string): string =>
        text.replace(/ expires \S+/g, '').replace('\tcomment "a corpus"\n', '');
      expect(plain(after)).toBe(plain(before));
      await table.delete();
    });
  });

  it('lists what others made, word by word where the model ends', async () => {
    await nft(['-f', '-'], [FOREIGN]);
    expect(await listNftTables()).toContainEqual({ family: 'inet', name: 'foreign' });
    using table = openNftTable({ family: 'inet', name: 'foreign' });
    const listed = await table.list();
    const kinds = (chain: string): readonly (readonly string[])[] =>
      (listed?.chains.get(chain)?.rules ?? []).map(({ steps }) => steps.map(({ kind }) => kind));
    expect(kinds('known').flat()).not.toContain('other');
    expect(kinds('unknown').every((rule) => rule.includes('other'))).toBe(true);
    const blocks = async (): Promise<readonly string[]> =>
      (await nft(['list', 'table', 'inet', 'foreign']))
        .replace(/\}\n$/, '\n')
        .split('\n\n')
        .toSorted();
    const before = await blocks();
    if (listed === undefined) throw new Error('no table');
    expect(await table.plan(listed)).toEqual([]);
    await table.delete();
    await table.sync(listed);
    expect(await blocks()).toEqual(before);
    await table.delete();
  });

  it('changes single rules: those that stay keep handle and place', async () => {
    using table = openNftTable(name);
    await table.sync([input, match(1), match(2), match(3), match(4)]);
    const before = handlesOf((await table.list())?.chains.get('in'));
    const wanted = [input, match(9), match(1), match(3), match(8), match(4), match(7)];
    const operations = await table.sync(wanted);
    expect(operations.map(({ op }) => op).toSorted()).toEqual([
      'add-rule',
      'add-rule',
      'add-rule',
      'delete-rule',
    ]);
    const after = (await table.list())?.chains.get('in');
    const ports = after?.rules.map(({ steps: [step] }) =>
      step?.kind === 'match' ? step.value : '',
    );
    expect(ports).toEqual([9, 1, 3, 8, 4, 7]);
    const handles = handlesOf(after);
    expect([handles[1], handles[2], handles[4]]).toEqual([before[0], before[2], before[3]]);
    await table.delete();
  });

  it('replaces, inserts and deletes rules by handle', async () => {
    using table = openNftTable(name);
    await table.sync([input, match(1), match(2)]);
    const [first = 0, second = 0] = handlesOf((await table.list())?.chains.get('in'));
    const rule = { steps: [{ kind: 'drop' }] } as const;
    await table.apply([
      { op: 'replace-rule', chain: 'in', handle: first, rule },
      {
        op: 'add-rule',
        chain: 'in',
        rule: { steps: [{ kind: 'accept' }] },
        at: { before: second },
      },
      { op: 'add-rule', chain: 'in', rule: { steps: [{ kind: 'return' }] }, at: 'first' },
    ]);
    const rules = (await table.list())?.chains.get('in')?.rules ?? [];
    expect(rules.map(({ steps }) => steps.at(-1)?.kind)).toEqual([
      'return',
      'drop',
      'accept',
      'accept',
    ]);
    await table.apply([{ op: 'delete-rule', chain: 'in', handle: second }]);
    expect((await table.list())?.chains.get('in')?.rules).toHaveLength(3);
    await table.delete();
  });

  it('changes policy, sets and objects, and removes what is not wanted', async () => {
    using table = openNftTable(name);
    const set = { name: 's', key: ['ipv4_addr'], flags: ['interval'] } as const;
    const uses: NftOperation = {
      op: 'add-rule',
      chain: 'in',
      rule: { steps: [{ kind: 'match', field: 'ip saddr', set: 's' }, { kind: 'drop' }] },
    };
    const limit = (rate: number): NftOperation => ({
      op: 'add-object',
      object: { type: 'limit', name: 'slow', rate, per: 'second' },
    });
    const limited: NftOperation = {
      op: 'add-rule',
      chain: 'in',
      rule: { steps: [{ kind: 'object', type: 'limit', name: 'slow' }, { kind: 'accept' }] },
    };
    const elements = (...keys: readonly string[]): NftOperation => ({
      op: 'add-elements',
      set,
      elements: keys.map((key) => ({ key: [key] })),
    });
    const one = [
      limit(5),
      { op: 'add-set', set } as const,
      elements('10.0.0.0/8', '192.0.2.1'),
      input,
      uses,
      limited,
    ];
    await table.sync(one);
    const drop: NftOperation = {
      op: 'add-chain',
      chain: { name: 'in', base: { ...base, policy: 'drop' } },
    };
    const wide = { ...set, key: ['ipv4_addr'], flags: ['interval', 'timeout'] } as const;
    const two = [
      limit(6),
      { op: 'add-set', set: wide } as const,
      elements('10.0.0.0/8'),
      drop,
      uses,
      limited,
    ];
    await table.sync(two);
    expect(await table.plan(two)).toEqual([]);
    expect((await table.list())?.chains.get('in')?.base?.policy).toBe('drop');
    await table.sync([input]);
    const listed = await table.list();
    expect([listed?.sets.size, listed?.objects?.size, listed?.chains.size]).toEqual([0, 0, 1]);
    await table.delete();
    expect(await table.list()).toBeUndefined();
  });

  it('a chain in use is refused as such, and nothing is done', async () => {
    using table = openNftTable(name);
    const jump = { steps: [{ kind: 'jump', chain: 'target' }] } as const;
    await table.sync([
      { op: 'add-chain', chain: { name: 'target' } },
      input,
      { op: 'add-rule', chain: 'in', rule: jump },
    ]);
    await expect(table.apply([{ op: 'delete-chain', chain: 'target' }])).rejects.toMatchObject({
      code: 'NETFILTER_REFUSED',
      message: expect.stringContaining('delete chain inet mine target: EBUSY: it is in use'),
    });
    await table.delete();
  });

  it('reports changes as they happen, and stops with the signal', async () => {
    using table = openNftTable(name);
    const stop = new AbortController();
    const changes: NftChange[] = [];
    const done = (async () => {
      for await (const change of table.monitor(stop.signal)) {
        changes.push(change);
        if (change.kind === 'table' && change.change === 'deleted') stop.abort();
      }
    })();
    const set = { name: 's', key: ['inet_service'], flags: ['interval'] } as const;
    const list = { kind: 'match', field: 'udp dport', anyOf: [53, '67-68'] } as const;
    await nft(
      ['-f', '-'],
      [
        ...renderNftScript(name, [
          { op: 'add-table' },
          { op: 'add-set', set },
          input,
          {
            op: 'add-rule',
            chain: 'in',
            rule: { steps: [list, { kind: 'accept' }], comment: 'dns' },
          },
        ]),
      ],
    );
    await nft(['add', 'element', 'inet', 'mine', 's', '{ 80-90, 443 }']);
    await nft(['delete', 'table', 'inet', 'mine']);
    await done;
    const texts = changes.flatMap((change) =>
      'table' in change ? [`${change.change} ${change.kind}`] : [change.kind],
    );
    expect(texts.filter((text) => text === 'generation').length).toBeGreaterThanOrEqual(2);
    expect(texts.slice(0, 3)).toContain('new table');
    const rule = changes.find((change) => change.kind === 'rule' && change.change === 'new');
    expect(rule).toMatchObject({ rule: { comment: 'dns', steps: [list, { kind: 'accept' }] } });
    const elements = changes.find((change) => change.kind === 'elements' && change.set === 's');
    expect(elements).toMatchObject({ elements: [{ key: ['80-90'] }, { key: [443] }] });
  });
});

function handlesOf(chain: NftFilledChain | undefined): readonly (number | undefined)[] {
  return chain?.rules.map(({ handle }) => handle) ?? [];
}
