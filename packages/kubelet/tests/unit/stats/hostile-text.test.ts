import { describe, expect, test } from 'vitest';

import { parseInterfaces, parseThreadCount } from '../../../src/stats/codec/proc-text.js';

describe('Figures of the kernel that are no figures', () => {
  test('an interface counts 0 where a figure is no number', () => {
    const [eth0] = parseInterfaces('a\nb\neth0: x 2 -3 4 0 0 0 0 5 6 7 8');
    expect(eth0).toMatchObject({ rxBytes: 0, rxPackets: 2, rxErrors: 0, txBytes: 5 });
  });

  test('a count of threads of 400 digits is none', () => {
    expect(parseThreadCount(`0.1 0.2 0.3 2/${'9'.repeat(400)} 1`)).toBeUndefined();
  });
});
