import { describe, expect, it } from 'vitest';

import {
  isInRange,
  planMoves,
  rangeProblems,
  readLevels,
  type Standing,
  withVersions,
} from '../../../release/versions.ts';

const pack = (
  name: string,
  version: string,
  dependencies: Readonly<Record<string, string>> = {},
) => ({
  name: `@nodeagent/${name}`,
  version,
  dependencies: Object.fromEntries(
    Object.entries(dependencies).map(([key, range]) => [`@nodeagent/${key}`, range]),
  ),
});

/** proxy → ipvs → base, and dbus → base. */
const ALL = [
  pack('base', '0.1.0'),
  pack('dbus', '0.1.3', { base: '^0.1.0' }),
  pack('ipvs', '0.1.0', { base: '^0.1.0' }),
  pack('proxy', '1.4.0', { ipvs: '^0.1.0' }),
];
const NAMES = ALL.map(({ name }) => name);

const moved = (changed: readonly string[], ...levels: readonly string[]) => {
  const standing = (name: string): Standing => (changed.includes(name) ? 'changed' : 'same');
  const standings = new Map(NAMES.map((name) => [name, standing(name.slice(11))]));
  return planMoves(ALL, standings, readLevels(levels, NAMES)).map(
    ({ name, to }) => `${name.slice(11)} ${to}`,
  );
};

describe('the packages that move', () => {
  it.each([
    ['none, when nothing changed', [], ['minor'], []],
    ['the changed one alone, while dependents may have it', ['base'], ['patch'], ['base 0.1.1']],
    [
      'dependents by a patch, when it leaves their range',
      ['ipvs'],
      ['minor'],
      ['ipvs 0.2.0', 'proxy 1.4.1'],
    ],
    [
      'dependents once, by their own level, when they changed too',
      ['base', 'ipvs'],
      ['minor'],
      ['base 0.2.0', 'dbus 0.1.4', 'ipvs 0.2.0', 'proxy 1.4.1'],
    ],
    [
      'not those whose dependent moved within its range',
      ['base', 'dbus'],
      ['base=minor', 'patch'],
      ['base 0.2.0', 'dbus 0.1.4', 'ipvs 0.1.1'],
    ],
    ['one that was named, without a change', [], ['dbus=1.0.0'], ['dbus 1.0.0']],
  ])('%s', (_, changed, levels, moves) => {
    expect(moved(changed, ...levels)).toEqual(moves);
  });

  it('are none that are still to be published', () => {
    const standings = new Map(NAMES.map((name) => [name, 'unpublished' as const]));
    expect(planMoves(ALL, standings, readLevels(['minor'], NAMES))).toEqual([]);
  });

  it('say why', () => {
    const standings = new Map<string, Standing>(NAMES.map((name) => [name, 'same']));
    standings.set('@nodeagent/ipvs', 'changed');
    const moves = planMoves(ALL, standings, readLevels(['minor'], NAMES));
    expect(moves.map(({ why }) => why)).toEqual([
      'its files changed',
      '@nodeagent/ipvs 0.2.0 is outside of its range',
    ]);
  });

  it('cannot be named wrongly', () => {
    expect(() => readLevels(['bse=minor'], NAMES)).toThrow('bse=minor: no package');
  });
});

it.each([
  ['^0.1.0', '0.1.9', true],
  ['^0.1.2', '0.1.1', false],
  ['^0.1.0', '0.2.0', false],
  ['^0.0.3', '0.0.4', false],
  ['^0.0.0', '0.0.1', false],
  ['^1.2.3', '1.10.0', true],
  ['^1.2.3', '1.2.2', false],
  ['^1.2.3', '2.0.0', false],
  ['1.2.3', '1.2.3', true],
  ['1.2.3', '1.2.4', false],
])('%s and %s: %s', (range, version, isMet) => {
  expect(isInRange(range, version)).toBe(isMet);
});

describe('the text of a package.json after a release', () => {
  const text = (version: string, base: string, ipvs: string) =>
    `{\n  "name": "@nodeagent/proxy",\n  "version": "${version}",\n  "dependencies": {\n` +
    `    "@nodeagent/base": "${base}",\n    "@nodeagent/ipvs": "${ipvs}",\n    "yaml": "^2.0.0"\n  }\n}\n`;
  const versions = new Map([
    ['@nodeagent/base', '0.1.5'],
    ['@nodeagent/ipvs', '0.2.0'],
    ['@nodeagent/proxy', '1.4.1'],
  ]);

  it('names the versions with which a published package was built', () => {
    const before = text('1.4.0', '^0.1.0', '^0.1.0');
    expect(withVersions(before, versions, true)).toBe(text('1.4.1', '^0.1.5', '^0.2.0'));
  });

  it('changes other ranges only where they would not be met', () => {
    const before = text('1.4.0', '^0.1.0', '^0.1.0');
    expect(withVersions(before, versions, false)).toBe(text('1.4.1', '^0.1.0', '^0.2.0'));
  });
});

describe('problems of the ranges between our packages', () => {
  it('are none when each is ^ and met', () => {
    expect(rangeProblems(ALL)).toEqual([]);
  });

  it.each([
    [{ base: '0.1.0' }, '@nodeagent/base 0.1.0: write ^0.1.0'],
    [{ base: '^0.2.0' }, '@nodeagent/base ^0.2.0, which 0.1.0 does not meet'],
    [{ e2e: '^0.1.0' }, '@nodeagent/e2e, which is not published'],
  ])('%j', (dependencies, problem) => {
    expect(rangeProblems([...ALL, pack('x', '1.0.0', dependencies)])).toEqual([
      `@nodeagent/x depends on ${problem}`,
    ]);
  });
});
