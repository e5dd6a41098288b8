import { describe, expect, it } from 'vitest';

import {
  formatQuantity,
  parseQuantity,
  quantityToMilli,
  quantityToUnits,
} from '../../src/index.js';

describe(parseQuantity, () => {
  it.each([
    ['1', 1_000_000_000n],
    ['100m', 100_000_000n],
    ['1.5Gi', 1_610_612_736_000_000_000n],
    ['12e6', 12_000_000_000_000_000n],
    ['12E6', 12_000_000_000_000_000n],
    ['1E', 1_000_000_000_000_000_000_000_000_000n],
    ['.5', 500_000_000n],
    ['5.', 5_000_000_000n],
    ['0.1n', 1n],
    ['-1Ki', -1_024_000_000_000n],
    ['1e-3', 1_000_000n],
  ])('reads %s', (text, want) => expect(parseQuantity(text)).toBe(want));

  it.each(['', 'm', '1KB', '1 Gi', '0x10', '1ki', '--1', '1e', 'Infinity'])('refuses %j', (text) =>
    expect(parseQuantity(text)).toBeUndefined(),
  );
});

describe('units', () => {
  it('round up, as requests must', () => {
    expect(quantityToMilli(parseQuantity('1n')!)).toBe(1);
    expect(quantityToMilli(parseQuantity('1500m')!)).toBe(1500);
    expect(quantityToUnits(parseQuantity('1500m')!)).toBe(2);
    expect(quantityToUnits(parseQuantity('64Mi')!)).toBe(67_108_864);
    expect(quantityToUnits(parseQuantity('-1500m')!)).toBe(-1);
  });
});

describe(formatQuantity, () => {
  it.each([
    ['0', 'decimal', '0'],
    ['1000m', 'decimal', '1'],
    ['1500m', 'decimal', '1500m'],
    ['2000', 'decimal', '2k'],
    ['65536', 'binary', '64Ki'],
    ['1000', 'binary', '1000'],
    ['0.5', 'binary', '500m'],
    ['1.5Gi', 'binary', '1536Mi'],
  ] as const)('writes %s in %s as %s', (text, format, want) =>
    expect(formatQuantity(parseQuantity(text)!, format)).toBe(want),
  );
});
