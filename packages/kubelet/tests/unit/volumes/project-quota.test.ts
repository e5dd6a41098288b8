import { describe, expect, it } from 'vitest';

import {
  countsProjects,
  FIRST_PROJECT,
  freeProject,
  parseProjects,
  parseUsage,
  reservedProjects,
} from '../../../src/volumes/plan/project-quota.js';

/** Output of xfsprogs 6.1. */
const REPORT = `#0                  13          0          0     00 [--------]          2          0          0     00 [--------]
#1048577          5122          0          0     00 [--------]          3          0          0     00 [--------]
#1048578          2048       1024          0     00 [6 days]          7          0          0     00 [--------]

`;
const STATE = (accounting: string) => `Project quota state on /tmp/m (/dev/loop0)
  Accounting: ${accounting}
  Enforcement: OFF
  Inode: #12 (12 blocks, 1 extents)
Blocks grace time: [7 days]
`;

it.each([
  [
    'a report',
    REPORT,
    [
      [0, 13 * 1024, 2],
      [1_048_577, 5122 * 1024, 3],
      [1_048_578, 2048 * 1024, 7],
    ],
  ],
  ['a report of nothing', '\n', []],
  ['a name in place of a number', REPORT.replaceAll('#', 'volume'), []],
  ['a line that was cut', '#1048577          5122          0          0     00 [--', []],
])('parseUsage reads %s', (_, text, want) => {
  const got = [...parseUsage(text)].map(([project, use]) => [
    project,
    use.usedBytes,
    use.inodesUsed,
  ]);
  expect(got).toEqual(want);
});

it.each([
  [STATE('ON'), true],
  [STATE('OFF'), false],
  ['', false],
  ['xfs_quota: cannot setup path for mount /tmp/m: No such file or directory', false],
])('countsProjects %#', (text, want) => expect(countsProjects(text)).toBe(want));

it('parseProjects reads numbers in order, of paths with blanks, too', () => {
  const text = `1048577 --------------e----P-- /tmp/m/v v
    0 --------------e------- /tmp/m`;
  expect(parseProjects(text)).toEqual([1_048_577, 0]);
});

it('reservedProjects reads both files, and neither comments nor names', () => {
  const projects = '# 7:/no\n1048577:/var/a\n1048577:/var/b\n\n12:/srv: x\n';
  const projid = '#a:9\nlogs:13\nvolume1048580:1048580\nbroken\n';
  expect([...reservedProjects(projects, projid)]).toEqual([1_048_577, 12, 13, 1_048_580]);
});

describe(freeProject, () => {
  const used = { usedBytes: 0, inodesUsed: 1 };
  const unused = { usedBytes: 0, inodesUsed: 0 };
  it.each([
    ['the first', [], [], 0],
    [
      'one after those in use',
      [
        [0, used],
        [1, used],
      ],
      [],
      2,
    ],
    [
      'one that is free again',
      [
        [0, used],
        [1, unused],
        [2, used],
      ],
      [],
      1,
    ],
    ['one that the administrator has not reserved', [[0, used]], [1, 2], 3],
    ['none that only a removed, open file has', [[0, { usedBytes: 4096, inodesUsed: 0 }]], [], 1],
  ] as const)('is %s', (_, usage, reserved, want) => {
    const from = (offset: number) => FIRST_PROJECT + offset;
    const table = new Map(usage.map(([offset, use]) => [from(offset), use]));
    expect(freeProject(table, new Set(reserved.map(from)))).toBe(from(want));
  });
});
