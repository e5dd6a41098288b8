import { describe, expect, test } from 'vitest';

import { ManifestError } from '../../../src/pod/model/errors.js';
import { parsePodManifest } from '../../../src/sources/codec/manifest.js';

describe('A static manifest nested deeper than any pod', () => {
  test.each([
    ['in YAML lists', `spec: ${'['.repeat(5000)}`],
    ['in YAML blocks', '- '.repeat(5000)],
    ['in YAML maps', `spec: ${'{a: '.repeat(5000)}1${'}'.repeat(5000)}`],
    ['in JSON', `{"spec":${'['.repeat(3000)}${']'.repeat(3000)}}`],
  ])('is refused with its depth %s', (_, manifest) => {
    expect(() => parsePodManifest(manifest)).toThrow(ManifestError);
    expect(() => parsePodManifest(manifest)).toThrow('is nested more than 100 levels deep');
  });

  test('is a ManifestError too if aliases of aliases would exhaust memory', () => {
    let manifest = 'a0: &a0 [x]\n';
    for (let i = 1; i < 12; i++) manifest += `a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]\n`;
    expect(() => parsePodManifest(manifest)).toThrow(ManifestError);
  });
});
