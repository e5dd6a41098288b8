import { describe, expect, it } from 'vitest';

import { formatGoDuration, parseGoDuration } from '../../src/index.js';

describe(parseGoDuration, () => {
  it.each([
    ['0', 0],
    ['1h15m30.918s', 4_530_918],
    ['250ms', 250],
    ['-2s', -2_000],
    ['+5m', 300_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1µs', 0.001],
    ['100ns', 0.0001],
  ])('reads %s', (text, want) => expect(parseGoDuration(text)).toBe(want));

  it.each(['', '5', 's', '1d', '1s2', '1 s', '--1s', 'one', '9999999999h'])('refuses %j', (text) =>
    expect(parseGoDuration(text)).toBeUndefined(),
  );
});

describe(formatGoDuration, () => {
  it.each([
    [0, '0s'],
    [250, '250ms'],
    [1_500, '1.5s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
    [-2_000, '-2s'],
    [0.5, '500µs'],
    [0.0001, '100ns'],
  ])('writes %d ms as Go does', (ms, want) => expect(formatGoDuration(ms)).toBe(want));
});
