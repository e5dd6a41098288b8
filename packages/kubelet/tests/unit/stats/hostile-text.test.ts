import { describe, expect, test } from 'vitest';

import { parseInterfaces, parseThreadCount } from '../../../src/stats/codec/proc-text.js';

describe('malformed kernel figures', () => {
  test('a malformed interface counter is 0', () => {
    const [eth0] = parseInterfaces('a\nb\neth0: x 2 -3 4 0 0 0 0 5 6 7 8');
    expect(eth0).toMatchObject({ rxBytes: 0, rxPackets: 2, rxErrors: 0, txBytes: 5 });
  });

  test('a thread count of 400 digits is refused', () => {
    expect(parseThreadCount(`0.1 0.2 0.3 2/${'9'.repeat(400)} 1`)).toBeUndefined();
  });
});
