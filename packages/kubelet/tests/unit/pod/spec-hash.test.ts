import { describe, expect, it } from 'vitest';

import { containerSpecHash } from '../../../src/pod/model/spec-hash.js';

describe(containerSpecHash, () => {
  it.each([
    ['foo', 'bar', '11a6d6d6'],
    ['test_container', 'foo/image:v1', '8e45cbd0'],
    ['nginx', 'nginx:1.25', '5d0e8bc9'],
  ])('of %s with image %s', (name, image, hash) => {
    expect(containerSpecHash({ name, image })).toBe(hash);
  });
});
