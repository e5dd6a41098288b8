import { givenSeed } from '@nodeagent/testbed/chance';
import fc from 'fast-check';
import { expect, it } from 'vitest';

import {
  diffNftTables,
  nftContentsOf,
  type NftOperation,
  type NftSet,
  renderNftTable,
} from '../../src/nftables.js';
import { MemoryNftTable } from '../../src/testing/index.js';

const seed = givenSeed(14);
const never = new AbortController().signal;
const name = { family: 'ip', name: 'difference' } as const;

/** A table with chains that a map leads to, a set that a rule looks into, and a chain at a hook. */
const table = fc
  .record({
    chains: fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
    ports: fc.uniqueArray(fc.nat(5), { maxLength: 5 }),
    priority: fc.constantFrom(0, 10),
    timeoutMs: fc.constantFrom(1000, 2000),
    marks: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    hasBase: fc.boolean(),
  })
  .map(({ chains, ports, priority, timeoutMs, marks, hasBase }): readonly NftOperation[] => {
    const map: NftSet = { name: 'ways', key: ['port'], data: 'verdict' };
    const clients: NftSet = { name: 'clients', key: ['address'], timeoutMs };
    const to = (i: number): string => chains[i % chains.length] ?? '';
    return [
      { op: 'add-table' },
      { op: 'add-set', set: map },
      { op: 'add-set', set: clients },
      ...chains.map((chain) => ({ op: 'add-chain', chain: { name: chain } }) as const),
      ...chains.flatMap((chain) =>
        marks.map(
          (bits) =>
            ({ op: 'add-rule', chain, rule: { steps: [{ kind: 'set-mark', bits }] } }) as const,
        ),
      ),
      {
        op: 'add-elements',
        set: map,
        elements: ports.map(
          (port) => ({ key: [port], data: { kind: 'goto', chain: to(port) } }) as const,
        ),
      },
      ...(hasBase
        ? ([
            {
              op: 'add-chain',
              chain: { name: 'in', base: { type: 'filter', hook: 'input', priority } },
            },
            {
              op: 'add-rule',
              chain: 'in',
              rule: {
                steps: [{ kind: 'in-set', key: ['source'], set: 'clients' }, { kind: 'drop' }],
              },
            },
            {
              op: 'add-rule',
              chain: 'in',
              rule: { steps: [{ kind: 'verdict-map', key: ['destination-port'], map: 'ways' }] },
            },
          ] as const)
        : []),
    ];
  });

it(`one step leads from any table to any other (NODEAGENT_SEED=${seed})`, async () => {
  const property = fc.asyncProperty(table, table, async (before, after) => {
    // refuses references that lead nowhere, and removals of what is in use
    const memory = new MemoryNftTable(name);
    await memory.apply(before, never);
    const desired = nftContentsOf(after);
    await memory.apply(diffNftTables(desired, memory.contents), never);
    expect(diffNftTables(desired, memory.contents)).toEqual([]);
    expect(memory.contents?.chains.get('in')?.rules).toEqual(desired.chains.get('in')?.rules);
    expect(memory.contents?.sets.get('ways')?.elements).toEqual(desired.sets.get('ways')?.elements);
  });
  await fc.assert(property, { seed, numRuns: 1000 });
});

it('changes one element and nothing else', () => {
  const set: NftSet = { name: 'ports', key: ['port'] };
  const of = (...ports: number[]) =>
    nftContentsOf([
      { op: 'add-set', set },
      { op: 'add-elements', set, elements: ports.map((port) => ({ key: [port] })) },
    ]);
  expect(diffNftTables(of(1, 2), of(1, 3))).toEqual([
    { op: 'delete-elements', set, elements: [{ key: [3] }] },
    { op: 'add-elements', set, elements: [{ key: [2] }] },
  ]);
});

it('renders a whole table', () => {
  const contents = nftContentsOf([
    { op: 'add-chain', chain: { name: 'a' } },
    { op: 'add-rule', chain: 'a', rule: { steps: [{ kind: 'drop' }] } },
  ]);
  expect([...renderNftTable(name, contents)].join('')).toBe(
    'add table ip difference\nadd chain ip difference a\nadd rule ip difference a drop\n',
  );
});
