import { describe, expect, it } from 'vitest';

import { parseFieldSelector, parseLabelSelector } from '../../../src/plan/selectors.js';

const MEBIBYTE = 2 ** 20;
const repeated = (unit: string): string => unit.repeat(MEBIBYTE / unit.length);

describe('a mebibyte is read at once', () => {
  it.each([',', 'a in (', '(,', 'a=b,', 'a '])('as a label selector of %j', (unit) => {
    const read = (): number => {
      try {
        return parseLabelSelector(repeated(unit)).length;
      } catch {
        return -1;
      }
    };
    expect([-1, 0, MEBIBYTE / 4]).toContain(read());
  });

  it('as a field selector of blanks', () =>
    expect(parseFieldSelector(`a=${repeated('\t')}b`)).toEqual([
      { path: 'a', equal: true, value: 'b' },
    ]));
});
