import { describe, expect, it } from 'vitest';

import type { Signal } from '../../../src/eviction/model/signal.js';
import type { EvictionThreshold } from '../../../src/eviction/model/threshold.js';
import { nextLookMs, SHORTEST_LOOK_MS } from '../../../src/eviction/plan/next-look.js';
import { NO_HISTORY } from '../../../src/eviction/plan/pass.js';

const GIB = 2 ** 30;
const below = (signal: Signal, bytes: number, graceMs = 0): EvictionThreshold => ({
  ...{ signal, limit: { bytes }, graceMs, reclaim: undefined },
});
const MEMORY = below('memory.available', GIB);
const SOFT = below('memory.available', 2 * GIB, 90_000);
const PODS = below('allocatableMemory.available', GIB);
const DISK = below('nodefs.available', GIB);
const PIDS = below('pid.available', 1000);

interface Row {
  readonly name: string;
  readonly thresholds: readonly EvictionThreshold[];
  readonly available: Partial<Record<Signal, number>>;
  readonly crossed?: readonly string[];
  readonly cpuCount?: number;
  readonly wantMs: number;
}

const rows: readonly Row[] = [
  {
    name: 'is as far away as two CPUs need to fill the free memory',
    ...{ thresholds: [MEMORY], available: { 'memory.available': 25 * GIB }, wantMs: 3000 },
  },
  {
    name: 'is nearer with more CPUs',
    ...{ thresholds: [MEMORY], available: { 'memory.available': 25 * GIB } },
    ...{ cpuCount: 24, wantMs: 250 },
  },
  {
    name: 'is soon near a threshold',
    ...{ thresholds: [MEMORY], available: { 'memory.available': 1.01 * GIB } },
    wantMs: SHORTEST_LOOK_MS,
  },
  {
    name: 'is that of the nearest threshold',
    thresholds: [MEMORY, SOFT, PODS],
    available: { 'memory.available': 25 * GIB, 'allocatableMemory.available': 9 * GIB },
    wantMs: 1000,
  },
  {
    name: 'is that of the next threshold when one is crossed',
    ...{ thresholds: [MEMORY, SOFT], available: { 'memory.available': 2.6 * GIB } },
    ...{ crossed: ['memory.available 90000'], wantMs: 200 },
  },
  {
    name: 'counts processes, too',
    ...{ thresholds: [MEMORY, PIDS], wantMs: 750 },
    available: { 'memory.available': 25 * GIB, 'pid.available': 31_000 },
  },
  {
    name: 'never comes if all are crossed',
    ...{ thresholds: [MEMORY], available: { 'memory.available': 0 } },
    ...{ crossed: ['memory.available 0'], wantMs: Infinity },
  },
  {
    name: 'never comes for disks, nor for what nobody has measured',
    ...{ thresholds: [DISK, MEMORY], available: { 'nodefs.available': 2 * GIB }, wantMs: Infinity },
  },
];

describe(nextLookMs, () => {
  it.each(rows)('$name', ({ thresholds, available, crossed = [], cpuCount = 2, wantMs }) => {
    const figures = new Map(
      Object.entries(available).map(
        ([signal, left]) =>
          [signal as Signal, { available: left, capacity: 64 * GIB, atMs: 0 }] as const,
      ),
    );
    const history = {
      ...NO_HISTORY,
      crossedSinceMs: new Map(crossed.map((key) => [key, 0] as const)),
    };
    expect(Math.round(nextLookMs({ thresholds, figures, history, cpuCount }))).toBe(wantMs);
  });
});
