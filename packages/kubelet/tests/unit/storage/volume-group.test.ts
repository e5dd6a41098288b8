import { describe, expect, it } from 'vitest';

import { volumeGroup } from '../../../src/storage/plan/volume-group.js';

describe(volumeGroup, () => {
  it.each([
    ['5000', 5000],
    ['', undefined],
    ['wheel', undefined],
    ['12345678901234567890', undefined],
    ['5000 ', undefined],
  ])('of the annotation %j is %s', (text, group) => {
    const annotations = { 'pv.beta.kubernetes.io/gid': text };
    expect(volumeGroup({ metadata: { name: 'pv', annotations }, spec: {} })).toBe(group);
  });

  it('is none without the annotation', () => {
    expect(volumeGroup({ metadata: { name: 'pv' }, spec: {} })).toBeUndefined();
  });
});
