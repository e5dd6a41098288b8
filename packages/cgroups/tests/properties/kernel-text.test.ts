import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

import { checkReader, mutatedTexts } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import {
  parseAccountedCgroup,
  parseProcessCgroup,
  parseV1,
  parseV1Limits,
  parseV2,
  parseV2Limits,
} from '../../src/index.js';

/** Files that a cgroup without a disk and without swap does not show, in the kernel's form. */
const MADE_V2 = {
  'io.stat':
    '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n254:0 rbytes=5 wbytes=6 rios=7 wios=8\n',
  'memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n',
  'memory.swap.max': '9223372036854771712\n',
  'cgroup.procs': '1\n2\n',
};

/** The files of a cgroup that burns CPU and reads files at its limits of both. */
function recordedV2(): Readonly<Record<string, string>> {
  const folder = new URL('../fixtures/cgroup-v2/', import.meta.url);
  const names = readdirSync(folder);
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
  );
}

/** Every number in a value. */
function numbersOf(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}

describe('Files of the kernel', () => {
  test('every cgroup of version 2 is figures that are numbers, zero or more', () => {
    const samples = [recordedV2(), { ...recordedV2(), ...MADE_V2 }];
    const names = Object.keys({ ...recordedV2(), ...MADE_V2 });
    const joined = samples.map((files) => names.map((name) => files[name] ?? '').join('\u0001'));
    for (const files of samples) assert.equal(parseV2Limits(files).cpuQuotaUs, 50_000);
    return checkReader({
      name: 'parseV2',
      inputs: mutatedTexts(joined),
      read: (all) => {
        const parts = all.split('\u0001');
        const texts = Object.fromEntries(names.map((name, i) => [name, parts[i]]));
        const limits = parseV2Limits(texts);
        const usage = parseV2(texts, { atMs: 1, limits, nameOf: (id) => id });
        for (const number of numbersOf([limits, usage]))
          assert.ok(Number.isFinite(number) && number >= 0, `${number}`);
      },
      share: 2500,
    });
  });

  test('every cgroup of version 1 is figures that are numbers, zero or more', () => {
    const folder = new URL('../fixtures/cgroup-v1/', import.meta.url);
    const names = readdirSync(folder);
    const joined = names.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\u0001');
    return checkReader({
      name: 'parseV1',
      inputs: mutatedTexts([joined]),
      read: (all) => {
        const parts = all.split('\u0001');
        const texts = Object.fromEntries(names.map((name, i) => [name, parts[i]]));
        const limits = parseV1Limits(texts);
        const usage = parseV1(texts, { atMs: 1, limits, nameOf: (id) => id });
        for (const number of numbersOf([limits, usage]))
          assert.ok(Number.isFinite(number) && number >= 0, `${number}`);
      },
    });
  });

  test('every list of the cgroups of a process has a path or none', () =>
    checkReader({
      name: 'parseProcessCgroup',
      inputs: mutatedTexts([
        readFileSync(new URL('../fixtures/proc-cgroup', import.meta.url), 'utf8'),
        '0::/system.slice/x.service\n',
      ]),
      read: (file) => {
        for (const parse of [parseProcessCgroup, parseAccountedCgroup]) {
          assert.ok(['string', 'undefined'].includes(typeof parse(file)));
        }
      },
    }));
});
