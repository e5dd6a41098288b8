import { describe, expect, it } from 'vitest';

import { pemBlocks } from '../../src/index.js';

const block = (label: string, body: string): string =>
  `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;

describe(pemBlocks, () => {
  it.each([
    [block('A', 'x\n'), [{ label: 'A', body: 'x\n' }]],
    [
      `text\n${block('A', 'x\n')}between\n${block('B C', 'y\n')}`,
      [
        { label: 'A', body: 'x\n' },
        { label: 'B C', body: 'y\n' },
      ],
    ],
    ['-----BEGIN A-----\r\nx\r\n-----END A-----', [{ label: 'A', body: 'x\r\n' }]],
    [`-----BEGIN B-----\n${block('A', 'x\n')}`, [{ label: 'A', body: 'x\n' }]],
    ['-----BEGIN A-----\nx\n-----END B-----\n', []],
    ['-----BEGIN A-----\nx\n', []],
    ['-----BEGIN A-----', []],
    ['-----BEGIN -----\nx-----END -----', []],
    ['', []],
  ])('%j', (text, blocks) => expect(pemBlocks(text)).toEqual(blocks));

  it.each([
    '-----BEGIN ',
    '-----BEGIN A-----\n',
    '-----BEGIN A-----\n-----END B',
    '-----END A-----',
    '-',
  ])('a mebibyte of %j is read in linear time', (unit) =>
    expect(pemBlocks(`${unit.repeat(2 ** 20 / unit.length)}\n`)).toEqual([]),
  );
});
