import { givenSeed } from '@nodeagent/testbed/chance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type Chain,
  diffTables,
  type IptablesOperation,
  parseSave,
  renderOperations,
  renderRestore,
  renderRuleset,
  renderTable,
  type Rule,
  ruleKey,
  type Table,
} from '../../src/index.js';

const seed = givenSeed(14);

const to = (chain: string): Rule => ({ matches: [], target: { kind: 'jump', chain } });
const from = (network: string): Rule => ({
  matches: [{ kind: 'source', network }],
  target: { kind: 'drop' },
});
const nat = (...chains: Chain[]): Table => ({ name: 'nat', chains });

function texts(operations: readonly IptablesOperation[]): readonly string[] {
  const [header, ...lines] = [...renderRestore(renderOperations(operations))].join('').split('\n');
  return header === '' ? [] : lines.filter((line) => line !== 'COMMIT' && line !== '');
}

describe(diffTables, () => {
  it('plans nothing for equal tables, however their rules are written', () => {
    const saved = parseSave(
      `*nat\n:A - [0:0]\n-A A -s 10.0.0.0/8 -p tcp -m comment --comment x -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n`,
    );
    const rule: Rule = {
      matches: [
        { kind: 'comment', text: 'x' },
        { kind: 'protocol', protocol: 'tcp' },
        { kind: 'source', network: '10.1.2.3/8' },
        { kind: 'destination-port', port: 80 },
      ],
      target: { kind: 'reject' },
    };
    expect(diffTables([nat({ name: 'A', rules: [rule] })], saved)).toEqual([]);
  });

  it('creates chains before jumps to them, and removes chains after jumps to them', () => {
    const desired = nat(
      { name: 'OUTPUT', policy: 'ACCEPT', rules: [to('NEW')] },
      { name: 'NEW', rules: [] },
    );
    const actual = nat(
      { name: 'OUTPUT', policy: 'DROP', rules: [to('OLD')] },
      { name: 'OLD', rules: [to('OLDER')] },
      { name: 'OLDER', rules: [] },
    );
    expect(texts(diffTables([desired], [actual], { removeOthers: true }))).toEqual([
      '-N NEW',
      '-D OUTPUT 1',
      '-I OUTPUT 1 -j NEW',
      '-P OUTPUT ACCEPT',
      '-F OLD',
      '-X OLD',
      '-X OLDER',
    ]);
    expect(texts(diffTables([desired], [actual]))).not.toContain('-F OLD');
  });

  it('does not touch rules that stay', () => {
    const [a, b, c] = [from('10.0.0.1'), from('10.0.0.2'), from('10.0.0.3')];
    const [desired, actual] = [
      [c, a, b],
      [a, b, c],
    ].map((rules) => nat({ name: 'A', rules }));
    expect(texts(diffTables([desired!], [actual!]))).toEqual([
      '-D A 3',
      '-I A 1 -s 10.0.0.3 -j DROP',
    ]);
  });

  it('removes rules that are there and could not be written', () => {
    const saved = parseSave(
      `*nat\n:A - [0:0]\n-A A -m comment --comment "" -j RETURN\n-A A -s 10.0.0.1/32 -j DROP\n-A A -m comment --comment "a\tb"\nCOMMIT\n`,
    );
    expect(texts(diffTables([nat({ name: 'A', rules: [from('10.0.0.1')] })], saved))).toEqual([
      '-D A 3',
      '-D A 1',
    ]);
    const unwritable: Rule = { matches: [{ kind: 'comment', text: '' }] };
    expect(() => diffTables([nat({ name: 'A', rules: [unwritable] })], saved)).toThrow('comment');
  });

  it(`leads from any rules to any others (NODEAGENT_SEED=${seed})`, () => {
    const rules = fc.array(
      fc.nat(5).map((n) => from(`10.0.0.${n}`)),
      { maxLength: 12 },
    );
    const property = fc.property(rules, rules, (wanted, found) => {
      const list = [...found];
      for (const one of diffTables(
        [nat({ name: 'A', rules: wanted })],
        [nat({ name: 'A', rules: found })],
      )) {
        if (one.op === 'delete-rule') list.splice(one.position - 1, 1);
        else if (one.op === 'insert-rule') list.splice(one.position - 1, 0, one.rule);
      }
      expect(list).toEqual(wanted);
    });
    fc.assert(property, { seed, numRuns: 2000 });
  });
});

describe(ruleKey, () => {
  it.each<[string, Rule, Rule]>([
    ['host prefixes', from('10.0.0.1'), from('10.0.0.1/32')],
    ['host bits', from('fd00:0:0::1:2/64'), from('fd00::/64')],
    ['ways to write an address', from('FD00:0::0001'), from('fd00::1')],
    ['an IPv4 tail', from('::ffff:10.0.0.1'), from('::ffff:a00:1')],
  ])('rules that differ only in %s have the same key', (_what, a, b) => {
    expect(ruleKey(a)).toBe(ruleKey(b));
  });

  it.each<[string, Rule, Rule]>([
    ['masks that are not prefixes', from('10.0.0.1/255.0.0.255'), from('10.0.0.1/255.0.255.255')],
    [
      'the order of extensions',
      {
        matches: [
          { kind: 'remember-source', list: 'A' },
          { kind: 'chance', probability: 0.5 },
        ],
      },
      {
        matches: [
          { kind: 'chance', probability: 0.5 },
          { kind: 'remember-source', list: 'A' },
        ],
      },
    ],
  ])('rules that differ in %s have different keys', (_what, a, b) => {
    expect(ruleKey(a)).not.toBe(ruleKey(b));
  });
});

it('a rendered rule set is read back as it is', () => {
  const tables: Table[] = [
    nat({ name: 'OUTPUT', policy: 'ACCEPT', rules: [to('A')] }, { name: 'A', rules: [] }),
    { name: 'filter', chains: [{ name: 'INPUT', policy: 'DROP', rules: [from('10.0.0.1')] }] },
  ];
  expect(parseSave(renderRuleset(tables))).toEqual(tables);
  expect(renderTable(tables[0]!)).toBe(
    '*nat\n:OUTPUT ACCEPT [0:0]\n:A - [0:0]\n-A OUTPUT -j A\nCOMMIT\n',
  );
});
