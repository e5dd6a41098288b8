import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { PodDisks } from '../../../src/stats/run/pod-disks.js';
import { aPod } from '../../../src/testing/index.js';

it.each([
  ['walked', false, { du: [2], statfs: [0] }],
  ['counted by the kernel', true, { fsquota: [1], statfs: [0] }],
])('times the measuring of a volume that is %s', async (_, isCounted, want) => {
  const [metrics, clock] = [new MemoryMetrics(), new ManualClock()];
  const disks = new PodDisks({
    ...{ metrics, clock, random: () => 0, log: new MemoryLogger(), periodMs: 60_000 },
    directories: {
      measure: async () => {
        await clock.sleep(2000, end.signal);
        return { usedBytes: 1, inodesUsed: 1 };
      },
    },
    counted: {
      isCounted: () => isCounted,
      figures: async () => {
        await clock.sleep(1000, end.signal);
        return { usedBytes: 1, inodesUsed: 1 };
      },
    },
    claimed: { figures: async () => [] },
    machine: { fileSystem: async () => undefined },
    places: { rootDir: '/k', podLogsDir: '/l' },
  });
  const end = new AbortController();
  const pod = aPod({ containers: [], volumes: [{ name: 'data', emptyDir: {} }] });
  const running = disks.run(() => [pod], end.signal);
  await clock.advance(10_000);
  end.abort();
  await running;
  const of = (source: string): unknown =>
    metrics.observations.get(
      `kubelet_volume_metric_collection_duration_seconds{metric_source="${source}"}`,
    );
  for (const source of ['du', 'fsquota', 'statfs'] as const) {
    expect(of(source)).toEqual((want as Record<string, readonly number[]>)[source]);
  }
});
