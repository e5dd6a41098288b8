import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { allPodsValues } from '../../../src/resources/index.js';
import { enforceAllocatable } from '../../../src/resources/run/index.js';

const GIB = 2 ** 30;

describe(allPodsValues, () => {
  it.each([
    [[], { cpuShares: 4096, memoryLimitBytes: 8 * GIB }],
    [[{ cpuMilli: 500, memoryBytes: GIB }], { cpuShares: 3584, memoryLimitBytes: 7 * GIB }],
    [
      [
        { cpuMilli: 500, memoryBytes: GIB },
        { cpuMilli: 500, memoryBytes: GIB },
      ],
      { cpuShares: 3072, memoryLimitBytes: 6 * GIB },
    ],
    [[{ cpuMilli: 9000, memoryBytes: 9 * GIB }], { cpuShares: 2 }],
  ])('subtracts the reserved %j', (reserved, want) => {
    expect(allPodsValues({ cpuMilli: 4000, memoryBytes: 8 * GIB }, reserved)).toEqual(want);
  });
});

describe(enforceAllocatable, () => {
  it('reports failures, and then success, as events', async () => {
    const clock = new ManualClock();
    const reported: string[] = [];
    let problem: Error | undefined = new Error('EACCES: permission denied');
    const done = enforceAllocatable(
      {
        cgroups: {
          limitAll: async () => {
            if (problem !== undefined) throw problem;
          },
        },
        limits: { cpuShares: 2048 },
        events: {
          normal: (reason, message) => void reported.push(`Normal ${reason} ${message}`),
          warning: (reason, message) => void reported.push(`Warning ${reason} ${message}`),
        },
        clock,
      },
      new AbortController().signal,
    );
    await clock.advance(0);
    problem = undefined;
    await clock.advance(60_000);
    await done;
    expect(reported).toEqual([
      'Warning FailedNodeAllocatableEnforcement Failed to update Node Allocatable Limits ["kubepods"]: EACCES: permission denied',
      'Normal NodeAllocatableEnforced Updated Node Allocatable limit across pods',
    ]);
  });
});
