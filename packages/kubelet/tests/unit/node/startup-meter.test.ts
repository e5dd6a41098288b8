import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { createStartupMeter } from '../../../src/node/run/index.js';

const START = 1_000_000;

async function stages(bootedAtMs: number, ...steps: readonly (readonly [number, string])[]) {
  const [metrics, clock] = [new MemoryMetrics(), new ManualClock(START)];
  const note = createStartupMeter({ metrics, clock, bootedAtMs, startedAtMs: START });
  for (const [ms, stage] of steps) {
    await clock.advance(ms);
    note(stage as 'ready');
  }
  return Object.fromEntries(metrics.values);
}

const name = (part: string): string => `kubelet_node_startup_${part}duration_seconds`;
const NEW = [
  [2000, 'registering'],
  [3000, 'created'],
  [4000, 'ready'],
] as const;

describe(createStartupMeter, () => {
  it('measures each step of a new node, from the boot of its machine', async () => {
    expect(await stages(START - 60_000, ...NEW)).toEqual({
      [name('pre_kubelet_')]: 60,
      [name('pre_registration_')]: 2,
      [name('registration_')]: 3,
      [name('post_registration_')]: 4,
      [name('')]: 69,
    });
  });

  it('leaves out what begins at the boot if that time is unknown', async () => {
    const found = await stages(0, ...NEW);
    expect(Object.keys(found)).not.toContain(name(''));
    expect(Object.keys(found)).not.toContain(name('pre_kubelet_'));
  });

  it('does not measure a node that was registered before', async () => {
    expect(await stages(0, [1, 'registering'], [1, 'ready'])).toEqual({});
  });
});
