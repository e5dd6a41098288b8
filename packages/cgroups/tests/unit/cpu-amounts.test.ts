import { describe, expect, it } from 'vitest';

import {
  cpuQuotaUs,
  cpuShares,
  quotaToMilli,
  sharesToMilli,
  sharesToWeight,
  weightToShares,
} from '../../src/index.js';

describe('CPU values', () => {
  it.each([
    [100, 102, 10_000],
    [2000, 2048, 200_000],
    [1, 2, 1000],
    [0, 2, 0],
    [1_000_000, 262_144, 100_000_000],
  ])('%i milli-CPUs are %i shares and a quota of %i µs', (milli, shares, quota) => {
    expect(cpuShares(milli)).toBe(shares);
    expect(cpuQuotaUs(milli, 100_000)).toBe(quota);
  });
});

it.each([
  [2, 1],
  [1024, 39],
  [262_144, 10_000],
])('%i shares are a weight of %i', (shares, weight) => {
  expect(sharesToWeight(shares)).toBe(weight);
  expect(sharesToWeight(weightToShares(weight))).toBe(weight);
});

it('amounts come back from shares and quotas', () => {
  expect([1, 100, 1500].map((milli) => sharesToMilli(cpuShares(milli)))).toEqual([2, 100, 1500]);
  expect(quotaToMilli(cpuQuotaUs(250, 100_000), 100_000)).toBe(250);
  expect(quotaToMilli(1000, 0)).toBe(0);
});
