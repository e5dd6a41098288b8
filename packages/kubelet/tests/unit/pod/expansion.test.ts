import { describe, expect, it } from 'vitest';

import {
  expandReferences,
  expandWords,
  LONGEST_EXPANSION,
} from '../../../src/pod/plan/expansion.js';

const values: Readonly<Record<string, string>> = { A: 'one', B: '$(A)', EMPTY: '' };
const cases: readonly (readonly [text: string, want: string])[] = [
  ['plain', 'plain'],
  ['$(A)', 'one'],
  ['x$(A)y$(A)', 'xoneyone'],
  ['$(B)', '$(A)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$(NONE)', '$(NONE)'],
  ['$(EMPTY)', ''],
  ['$(A', '$(A'],
  ['$A', '$A'],
  ['cost: 5$', 'cost: 5$'],
  ['$', '$'],
  ['', ''],
];

describe(expandReferences, () => {
  it.each(cases)('%j becomes %j', (text, want) => {
    expect(expandReferences(text, (name) => values[name])).toBe(want);
  });

  it('reads a mebibyte of unclosed references in linear time', () => {
    const text = '$('.repeat(2 ** 19);
    expect(expandReferences(text, () => undefined)).toBe(text);
    expect(expandReferences(`)${text}`, () => undefined)).toBe(`)${text}`);
  });

  it('keeps a reference that would make the text too long', () => {
    const half = 'x'.repeat(LONGEST_EXPANSION / 2);
    expect(expandReferences('$(A)$(A)$(A)', () => half)).toBe(`${half}${half}$(A)`);
  });

  it('limits the words of a command together', () => {
    const half = 'x'.repeat(LONGEST_EXPANSION / 2);
    expect(expandWords(['$(A)', '$(A)', '$(A)', 'plain'], () => half)).toEqual([
      half,
      half,
      '$(A)',
      'plain',
    ]);
  });
});
