import { describe, expect, it } from 'vitest';

import {
  parseBootTimeMs,
  parseInterfaces,
  parseMachineMemory,
  parseThreadCount,
} from '../../../src/stats/codec/proc-text.js';

describe('/proc', () => {
  it('contains interfaces; bridges and loopback are skipped', () => {
    const titles = 'Inter-|   Receive\n face |bytes\n';
    const line = '1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n';
    const text = `${titles}    lo: ${line}  eth0:${line}veth12: ${line}`;
    expect(parseInterfaces(text)).toEqual([
      {
        ...{ name: 'eth0', rxBytes: 1, rxPackets: 2, rxErrors: 3, rxDropped: 4 },
        ...{ txBytes: 5, txPackets: 6, txErrors: 7, txDropped: 8 },
      },
    ]);
  });

  it('contains memory, threads and the boot time', () => {
    expect(parseMachineMemory('MemTotal: 2 kB\nSwapTotal: 3 kB\nSwapFree: 1 kB\n')).toEqual({
      ...{ totalBytes: 2048, freeBytes: 0, swapTotalBytes: 3072, swapFreeBytes: 1024 },
    });
    expect(parseThreadCount('0.10 0.20 0.30 2/345 6789\n')).toBe(345);
    expect(parseBootTimeMs('cpu 1\nbtime 1700000000\n')).toBe(1_700_000_000_000);
  });
});
