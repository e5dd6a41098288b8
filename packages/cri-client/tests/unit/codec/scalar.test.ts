import { describe, expect, it } from 'vitest';

import { int64, secondsUp, toMs, toMsOrUndefined, toNumber } from '../../../src/codec/scalar.js';

describe('64-bit numbers', () => {
  it('come as numbers or as objects, or not at all', () => {
    expect([toNumber(5), toNumber({ toNumber: () => 7 }), toNumber(null)]).toEqual([5, 7, 0]);
    expect([toMs(1_500_000), toMsOrUndefined(1_500_000), toMsOrUndefined(0)]).toEqual([
      1.5,
      1.5,
      undefined,
    ]);
  });

  it.each([
    [undefined, null],
    [1.9, 1],
    [-1.9, -1],
    [2 ** 63, 2 ** 63 - 1024],
    [Infinity, 2 ** 63 - 1024],
    [-(2 ** 64), -(2 ** 63) + 1024],
  ])('%s is sent as %s', (value, want) => {
    expect(int64(value)).toBe(want);
  });

  it.each([
    [0, 0],
    [1, 1],
    [1000, 1],
    [1001, 2],
    [-5, 0],
  ])('%i ms are %i s', (ms, seconds) => {
    expect(secondsUp(ms)).toBe(seconds);
  });
});
