import { readdir } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createSpawnRunner } from '../../src/adapters/spawn-command.js';
import {
  diffTables,
  parseSave,
  renderAppend,
  renderOperations,
  renderRestore,
  type Rule,
  type Table,
} from '../../src/index.js';
import { CORPUS, corpusOf, type CorpusRule } from '../rules/corpus.js';

const never = new AbortController().signal;
const runner = createSpawnRunner();

interface Tool {
  readonly family: 'IPv4' | 'IPv6';
  readonly variant: '-legacy' | '-nft';
}
const TOOLS: readonly Tool[] = [
  { family: 'IPv4', variant: '-nft' },
  { family: 'IPv4', variant: '-legacy' },
  { family: 'IPv6', variant: '-nft' },
  { family: 'IPv6', variant: '-legacy' },
];

/** Minimum number of loaded rules of the corpus: a kernel lacks some extensions, but not most. */
const LEAST = 180;

inOwnNamespace('tests/integration/round-trip.test.ts', () => {
  describe.each(TOOLS)('iptables$variant, $family', ({ family, variant }) => {
    const name = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}${variant}`;
    const restore = async (input: string): Promise<string | undefined> => {
      const command = { argv: [`${name}-restore`] as const, stdin: [input] };
      const { exitCode, stderr } = await runner.run(command, never);
      return exitCode === 0 ? undefined : stderr;
    };
    const save = async (table: string): Promise<string> => {
      const { stdout } = await runner.run({ argv: [`${name}-save`, '-t', table] }, never);
      return stdout.replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '[0:0]');
    };

    /** Loads the rules one by one and returns those that this kernel takes, by table. */
    const triedOneByOne = async () => {
      const loaded = new Map<string, string[]>();
      const refused: string[] = [];
      for (const rule of corpusOf(family)) {
        const [table, chain] = rule.at ?? ['filter', 'INPUT'];
        const line = `-A ${chain} ${rule.text}`;
        const error = await restore(inputOf(table, line));
        if (error !== undefined) refused.push(`${rule.text}: ${error.trim().split('\n')[0]}`);
        else loaded.set(table, [...(loaded.get(table) ?? []), line]);
      }
      return { loaded, refused };
    };

    it('output of iptables-save is the same after parsing, rendering and restoring it', async () => {
      const { loaded, refused } = await triedOneByOne();
      const changed: object[] = [];
      for (const [table, lines] of loaded) {
        expect(await restore(inputOf(table, ...lines))).toBeUndefined();
        const first = await save(table);
        // rules that the tools themselves cannot read back are not our concern
        expect(await restore(first)).toBeUndefined();
        expect(await save(table)).toBe(first);
        const written = linesOf(first);
        expect(await restore(inputOf(table, ...written))).toBeUndefined();
        const second = await save(table);
        const again = second.split('\n');
        for (const [i, line] of first.split('\n').entries()) {
          if (line !== again[i]) changed.push({ line, again: again[i] });
        }
        expect(linesOf(second)).toEqual(written);
      }
      const count = [...loaded.values()].flat().length;
      console.log(`stdout ${name}: ${count} loaded, not in this kernel: ${refused.join(' | ')}`);
      expect(changed).toEqual([]);
      expect(count).toBeGreaterThan(LEAST);
    });
  });

  describe.each(TOOLS)('a difference for iptables$variant, $family', ({ family, variant }) => {
    const name = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}${variant}`;
    const run = async (argv: readonly [string, ...string[]], input = ''): Promise<string> => {
      const { exitCode, stdout, stderr } = await runner.run({ argv, stdin: [input] }, never);
      expect(exitCode, stderr).toBe(0);
      return stdout;
    };

    it('is taken by the kernel in the planned order, and leaves no difference', async () => {
      const from = (host: number): Rule => ({
        matches: [
          { kind: 'comment', text: `host ${host}` },
          { kind: 'protocol', protocol: 'tcp' },
          { kind: 'destination-port', port: host, lastPort: host + 1 },
        ],
        target: { kind: 'reject' },
      });
      const jump = (chain: string): Rule => ({ matches: [], target: { kind: 'jump', chain } });
      const tables = (
        policy: 'ACCEPT' | 'DROP',
        own: string,
        hosts: readonly number[],
      ): Table[] => [
        {
          name: 'filter',
          chains: [
            { name: 'INPUT', policy: 'ACCEPT', rules: [jump(own)] },
            { name: 'FORWARD', policy, rules: hosts.map(from) },
            { name: 'OUTPUT', policy: 'ACCEPT', rules: [] },
            { name: own, rules: hosts.toReversed().map(from) },
          ],
        },
      ];
      const steps = [
        tables('DROP', 'ONE', [1, 2, 3, 4]),
        tables('ACCEPT', 'TWO', [4, 1, 3, 7, 2]),
        tables('DROP', 'TWO', []),
      ];
      for (const desired of steps) {
        const found = async () => parseSave(await run([`${name}-save`, '-t', 'filter']));
        const all = { removeOthers: true };
        const operations = diffTables(desired, await found(), all);
        expect(operations).not.toEqual([]);
        const input = [...renderRestore(renderOperations(operations))].join('');
        await run([`${name}-restore`, '--noflush'], input);
        expect(diffTables(desired, await found(), all)).toEqual([]);
      }
    });
  });

  it('the corpus has every installed match and target', async () => {
    const found = new Set<string>();
    for (const file of await readdir('/usr/lib/x86_64-linux-gnu/xtables')) {
      const [, extension] = /^lib(?:xt|ipt|ip6t)_(\w+)\.so$/.exec(file) ?? [];
      if (extension !== undefined && !INTERNAL.has(extension)) found.add(extension);
    }
    const words = new Set(CORPUS.flatMap(({ text }: CorpusRule) => text.split(' ')));
    expect([...found].filter((extension) => !words.has(extension))).toEqual([]);
  });
});

/** Files that are not extensions. */
const INTERNAL = new Set(['standard', 'NAT']);

function inputOf(table: string, ...lines: readonly string[]): string {
  return [`*${table}`, ':OTHER - [0:0]', ...lines, 'COMMIT', ''].join('\n');
}

/** Returns the rules of a save after a pass through the model. */
function linesOf(saved: string): readonly string[] {
  return parseSave(saved).flatMap(({ chains }) =>
    chains.flatMap((chain) => chain.rules.map((rule) => renderAppend(chain.name, rule))),
  );
}
