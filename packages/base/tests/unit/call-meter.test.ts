import { describe, expect, it } from 'vitest';

import { exponentialBuckets } from '../../src/plan/buckets.js';
import { createCallMeter } from '../../src/run/call-meter.js';
import { ManualClock, MemoryMetrics } from '../../src/testing/index.js';

describe(createCallMeter, () => {
  const open = () => {
    const clock = new ManualClock();
    const metrics = new MemoryMetrics();
    const meter = createCallMeter(clock, {
      total: metrics.counter({ name: 'total' }),
      errors: metrics.counter({ name: 'errors' }),
      errorLabels: (error) => ({ why: (error as Error).message }),
      seconds: metrics.histogram({ name: 'seconds' }),
    });
    return { clock, metrics, meter };
  };

  it('counts a call as it begins, and times it', async () => {
    const { clock, metrics, meter } = open();
    const made = meter({ kind: 'a' }, async () => {
      await clock.sleep(1500, new AbortController().signal);
      return 7;
    });
    expect(metrics.values.get('total{kind="a"}')).toBe(1);
    await clock.advance(1500);
    expect(await made).toBe(7);
    expect(metrics.observations.get('seconds{kind="a"}')).toEqual([1.5]);
    expect([...metrics.values.keys()]).toEqual(['total{kind="a"}']);
  });

  it('counts a failure with its own labels, times it, and passes it on', async () => {
    const { metrics, meter } = open();
    const broken = meter({ kind: 'a' }, () => Promise.reject(new Error('late')));
    await expect(broken).rejects.toThrow('late');
    expect(metrics.values.get('errors{kind="a",why="late"}')).toBe(1);
    expect(metrics.observations.get('seconds{kind="a"}')).toEqual([0]);
  });
});

describe(exponentialBuckets, () => {
  it.each([
    { args: [10, 2, 4], want: [10, 20, 40, 80] },
    { args: [1, 2, 0], want: [] },
  ] as const)('$args gives $want', ({ args: [first, factor, count], want }) => {
    expect(exponentialBuckets(first, factor, count)).toEqual(want);
  });
});
