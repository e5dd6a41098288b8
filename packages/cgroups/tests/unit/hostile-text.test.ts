import { describe, expect, test } from 'vitest';

import { parseV1Limits, parseV2, parseV2Limits } from '../../src/index.js';

const NO_LIMITS = parseV2Limits({});

describe('Figures of the kernel that are no figures', () => {
  test('a device without numbers is left out, and amounts that are no numbers are none', () => {
    const texts = {
      'cpu.stat': 'usage_usec 1',
      'io.stat': 'a:b rbytes=1\n8:0 rbytes=x wbytes=-2 rios=3',
    };
    const usage = parseV2(texts, { atMs: 1, limits: NO_LIMITS, nameOf: (id) => id });
    expect(usage?.devices).toEqual([
      { device: '8:0', major: 8, minor: 0, readBytes: 0, writeBytes: 0, reads: 3, writes: 0 },
    ]);
  });

  test.each(['0', '-5', 'x'])('a weight of %s is none', (weight) => {
    expect(parseV2Limits({ 'cpu.weight': weight }).cpuShares).toBeUndefined();
  });

  test('limits that changed while they were read give no swap below zero', () => {
    const texts = { 'memory.limit_in_bytes': '4096', 'memory.memsw.limit_in_bytes': '1024' };
    expect(parseV1Limits(texts).swapBytes).toBe(0);
  });

  test('a negative number is none', () => {
    expect(parseV2Limits({ 'memory.max': '-1' }).memoryBytes).toBeUndefined();
  });
});
