import { describe, expect, it } from 'vitest';

import { isUidOf } from '../../../src/server/run/find-pod.js';
import { aPod } from '../../../src/testing/index.js';

describe(isUidOf, () => {
  const pods = { pods: () => [], problem: () => undefined, mirrorUid: () => 'of-the-mirror' };
  it.each([
    ['no uid', {}, true],
    ['its own', { uid: 'uid-1' }, true],
    ['that of its mirror', { uid: 'of-the-mirror' }, true],
    ['another', { uid: 'another' }, false],
  ] as const)('%s', (_, params, want) => {
    expect(isUidOf(pods, aPod(), params)).toBe(want);
  });
});
