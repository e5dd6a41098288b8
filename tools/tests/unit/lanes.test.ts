import { describe, expect, it } from 'vitest';

import { inLanes } from '../../test/lanes.ts';

describe('inLanes', () => {
  it.each([
    { lanes: 1, most: 1 },
    { lanes: 2, most: 2 },
    { lanes: 9, most: 4 },
    { lanes: 0, most: 1 },
  ])('runs at most $lanes jobs at a time, and keeps their order', async ({ lanes, most }) => {
    let busy = 0;
    let seen = 0;
    const begun: string[] = [];
    const outcomes = await inLanes(['a', 'b', 'c', 'd'], lanes, async (job) => {
      begun.push(job);
      seen = Math.max(seen, ++busy);
      for (let turn = 'abcd'.indexOf(job); turn < 6; turn += 1) await Promise.resolve();
      busy -= 1;
      return job.toUpperCase();
    });
    expect(outcomes).toEqual(['A', 'B', 'C', 'D']);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    expect(seen).toBe(most);
  });

  it('fails with the first failing job', async () => {
    const jobs = inLanes([1, 2], 2, (job) =>
      job === 1 ? Promise.reject(new Error('no')) : Promise.resolve(job),
    );
    await expect(jobs).rejects.toThrow('no');
  });
});
