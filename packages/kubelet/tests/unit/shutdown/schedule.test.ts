import { describe, expect, it } from 'vitest';

import {
  shutdownGroups,
  shutdownSchedule,
  type ShutdownSettings,
  totalSeconds,
} from '../../../src/shutdown/plan/schedule.js';
import { aPod } from '../../../src/testing/index.js';

const CRITICAL = 2_000_000_000;

const settings = (totalMs: number, criticalMs: number, given: object = {}): ShutdownSettings => ({
  shutdownGracePeriodMs: totalMs,
  shutdownGracePeriodCriticalPodsMs: criticalMs,
  shutdownGracePeriodByPodPriority: Object.entries(given).map(([priority, seconds]) => ({
    priority: Number(priority),
    shutdownGracePeriodSeconds: Number(seconds),
  })),
});
const table = (...periods: readonly (readonly [number, number])[]) =>
  periods.map(([priority, seconds]) => ({ priority, seconds }));

describe(shutdownSchedule, () => {
  it.each([
    { name: 'nothing', given: settings(0, 0), want: [] },
    { name: 'both', given: settings(30_000, 10_000), want: table([0, 20], [CRITICAL, 10]) },
    { name: 'no critical part', given: settings(30_000, 0), want: table([0, 30], [CRITICAL, 0]) },
    { name: 'fractions', given: settings(2500, 1000), want: table([0, 1], [CRITICAL, 1]) },
    { name: 'too long a critical part', given: settings(1000, 2000), want: [] },
    {
      name: 'priorities in disorder',
      given: settings(0, 0, { 1000: 120, 0: 60, 100_000: 10, 10_000: 180 }),
      want: table([0, 60], [1000, 120], [10_000, 180], [100_000, 10]),
    },
  ])('of $name', ({ given, want }) => {
    expect(shutdownSchedule(given)).toEqual(want);
  });

  it('lasts as long as its periods together', () => {
    expect(totalSeconds(table([0, 20], [CRITICAL, 10]))).toBe(30);
  });
});

describe(shutdownGroups, () => {
  const plain = table([0, 20], [CRITICAL, 10]);
  const fine = table([0, 60], [1000, 120], [10_000, 180], [100_000, 10]);
  const high = table([1000, 20], [CRITICAL, 5]);
  it.each([
    { schedule: plain, priorities: [-5, 0, undefined, 999, 100_000, CRITICAL - 1], group: 0 },
    { schedule: plain, priorities: [CRITICAL, CRITICAL + 1000], group: CRITICAL },
    { schedule: fine, priorities: [-5, 0, undefined, 999], group: 0 },
    { schedule: fine, priorities: [1000, 5000], group: 1000 },
    { schedule: fine, priorities: [10_000], group: 10_000 },
    { schedule: fine, priorities: [100_000, CRITICAL - 1, CRITICAL + 1000], group: 100_000 },
    { schedule: high, priorities: [-5, 0, undefined, 999, 1000, CRITICAL - 1], group: 1000 },
    { schedule: high, priorities: [CRITICAL, CRITICAL + 1000], group: CRITICAL },
  ])('puts $priorities into $group', ({ schedule, priorities, group }) => {
    const pods = priorities.map((priority) => aPod(priority === undefined ? {} : { priority }));
    for (const each of shutdownGroups(schedule, pods)) {
      expect(each.pods).toEqual(each.priority === group ? pods : []);
    }
  });
});
