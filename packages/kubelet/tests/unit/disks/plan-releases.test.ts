import { describe, expect, it } from 'vitest';

import { planReleases } from '../../../src/disks/index.js';

const held = (volume: string, waitMs?: number, isUsed = false) => ({ volume, isUsed, waitMs });

describe(planReleases, () => {
  it.each([
    ['nothing before the sweep', [held('a')], 5000, [], 5000],
    ['what nobody has, with the sweep', [held('a'), held('b', undefined, true)], 0, ['a'], 0],
    ['a failed one when its wait is over', [held('a', 0), held('b', 700)], 5000, ['a'], 0],
    ['a failed one by its own wait, even at a sweep', [held('a', 700)], 0, [], 0],
    ['nothing before the shortest wait', [held('a', 900), held('b', 700)], 5000, [], 700],
    ['nothing that a pod has', [held('a', 0, true)], 5000, [], 5000],
  ])('releases %s', (_, volumes, sweepInMs, release, waitMs) => {
    expect(planReleases(volumes, sweepInMs)).toEqual({ release, waitMs });
  });
});
