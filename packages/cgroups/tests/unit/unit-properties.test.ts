import { describe, expect, it } from 'vitest';

import { type CgroupValues, limitProperties, sliceName, valuesOfSystemd } from '../../src/index.js';
import { newSliceProperties, systemdVersion } from '../../src/plan/unit-properties.js';

const INFINITY = 2n ** 64n - 1n;

function properties(values: CgroupValues, version: 1 | 2, systemd = 252): Record<string, unknown> {
  const list = limitProperties(values, { version, systemd });
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

describe('properties of a slice', () => {
  const all: CgroupValues = {
    ...{ cpuShares: 1024, cpuPeriodUs: 100_000, cpuQuotaUs: 50_000 },
    ...{ memoryLimitBytes: 67_108_864, pidsMax: 1000 },
  };

  it('in version 2', () => {
    expect(properties(all, 2)).toEqual({
      ...{ CPUWeight: 39n, CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 500_000n },
      ...{ MemoryMax: 67_108_864n, TasksMax: 1000n },
    });
  });

  it('in version 1', () => {
    expect(properties(all, 1)).toMatchObject({ CPUShares: 1024n, MemoryLimit: 67_108_864n });
  });

  it('of memory that is protected, in version 2 only', () => {
    const values = { memoryMinBytes: 4096, memoryLowBytes: 0 };
    const of = (version: 1 | 2) => limitProperties(values, { version, systemd: 252 });
    expect(of(2).map(({ name, value }) => [name, value])).toEqual([
      ['MemoryMin', 4096n],
      ['MemoryLow', 0n],
    ]);
    expect(of(1)).toEqual([]);
  });

  it('without limits', () => {
    const none = { cpuQuotaUs: -1, memoryLimitBytes: -1, pidsMax: -1 };
    expect(properties(none, 2)).toEqual({
      ...{ CPUQuotaPerSecUSec: INFINITY, MemoryMax: INFINITY, TasksMax: INFINITY },
    });
    expect(properties({}, 2)).toEqual({});
  });

  it('leave the period to a systemd that knows none', () => {
    expect(properties(all, 2, 239)).not.toHaveProperty('CPUQuotaPeriodUSec');
  });

  it('have at least one task', () => {
    expect(properties({ pidsMax: 0 }, 2)).toEqual({ TasksMax: 1n });
    expect(valuesOfSystemd({ pidsMax: 0 })).toEqual({ pidsMax: 1 });
  });

  it('that is new: accounting, its parent, no default dependencies', () => {
    const found = newSliceProperties(['kubepods', 'burstable', 'pod-1'], 2);
    expect(found).toContainEqual({
      ...{ name: 'Wants', signature: 'as', value: ['kubepods-burstable.slice'] },
    });
    expect(found.map(({ name }) => name)).toEqual([
      ...['Description', 'Wants', 'MemoryAccounting', 'CPUAccounting', 'TasksAccounting'],
      ...['IOAccounting', 'DefaultDependencies'],
    ]);
    const atTop = newSliceProperties(['kubepods'], 1);
    expect(atTop).toContainEqual({ name: 'Wants', signature: 'as', value: ['-.slice'] });
    expect(atTop.map(({ name }) => name)).toContain('BlockIOAccounting');
  });
});

it.each([
  // a quota, its period, the microseconds in each second, the quota that is left
  [50_000, 100_000, 500_000n, 50_000],
  [12_345, 100_000, 130_000n, 13_000],
  [1000, 100_000, 10_000n, 1000],
  [1001, 100_000, 20_000n, 2000],
  [333, 1000, 340_000n, 340],
  [250_000, 100_000, 2_500_000n, 250_000],
])('a quota of %i in %i µs is rounded up to 10 ms a second', (quota, period, perSecond, left) => {
  const values = { cpuQuotaUs: quota, cpuPeriodUs: period };
  expect(properties(values, 2)['CPUQuotaPerSecUSec']).toBe(perSecond);
  expect(valuesOfSystemd(values)).toEqual({ ...values, cpuQuotaUs: left });
});

it.each([
  [['kubepods', 'burstable', 'pod1-2'], 'kubepods-burstable-pod1_2.slice'],
  [['kubepods'], 'kubepods.slice'],
  [[], '-.slice'],
])('the slice of %j is %s', (names, slice) => {
  expect(sliceName(names)).toBe(slice);
});

it.each([
  ['252.38-1~deb12u1', 252],
  ['v245.4-1.fc32', 245],
  ['unknown', 0],
])('the version in %s is %i', (text, version) => {
  expect(systemdVersion(text)).toBe(version);
});
