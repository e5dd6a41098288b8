import { describe, expect, it } from 'vitest';

import { expandReferences } from '../../../src/pods/plan/expansion.js';

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
});
