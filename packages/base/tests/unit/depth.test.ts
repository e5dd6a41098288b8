import { describe, expect, test } from 'vitest';

import { isDeeperThan } from '../../src/index.js';

function nested(levels: number): unknown {
  let value: unknown = 'leaf';
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe('isDeeperThan', () => {
  test.each([
    { value: 'text', levels: 0, deeper: false },
    { value: [], levels: 0, deeper: false },
    { value: ['x'], levels: 0, deeper: true },
    { value: ['x'], levels: 1, deeper: false },
    { value: { a: { b: 1 } }, levels: 1, deeper: true },
    { value: { a: { b: 1 } }, levels: 2, deeper: false },
    { value: null, levels: 0, deeper: false },
  ])('$value is deeper than $levels: $deeper', ({ value, levels, deeper }) => {
    expect(isDeeperThan(value, levels)).toBe(deeper);
  });

  test('a value of a million levels does not exhaust the stack', () => {
    expect(isDeeperThan(nested(1_000_000), 1_000_000)).toBe(false);
    expect(isDeeperThan(nested(1_000_000), 100)).toBe(true);
  });
});
