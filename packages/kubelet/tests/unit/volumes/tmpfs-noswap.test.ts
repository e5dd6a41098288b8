import { describe, expect, it } from 'vitest';

import { tmpfsNoswap } from '../../../src/volumes/plan/tmpfs-noswap.js';
import { warnOfSwap } from '../../../src/volumes/run/index.js';

const ALL = '         0          0 4294967295\n';
const SOME = '         0     100000      65536\n';

describe(tmpfsNoswap, () => {
  it.each([
    ['6.4.0', ALL, 'yes'],
    ['6.12.3-arch1', ALL, 'yes'],
    ['7.0-rc1', ALL, 'yes'],
    ['6.4.0', undefined, 'yes'],
    ['6.3.9', ALL, 'unknown'],
    ['5.14.0-503.el9.x86_64', undefined, 'unknown'],
    ['6.12.3', SOME, 'no'],
    ['6.12.3', `${SOME}     65536      65536 4294836225\n`, 'no'],
    ['6.12.3', '', 'no'],
  ] as const)('kernel %s with the ids %j: %s', (kernel, uidMap, want) => {
    expect(tmpfsNoswap(kernel, uidMap)).toBe(want);
  });
});

describe(warnOfSwap, () => {
  it.each([
    [['/dev/sda2'], false, ['PossibleMemoryBackedVolumesOnDisk']],
    [['/dev/sda2'], true, []],
    [[], false, []],
  ])('swap on %j, tmpfs kept out of it: %s, reports %j', async (areas, avoids, want) => {
    const reasons: string[] = [];
    const events = { warning: (reason: string) => void reasons.push(reason) };
    await warnOfSwap(areas, { mounter: { avoidsSwap: async () => avoids }, events });
    expect(reasons).toEqual(want);
  });
});
