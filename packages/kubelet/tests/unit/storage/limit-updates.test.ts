import { SILENT_LOGGER } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { connectInMemory, createMemoryDriver } from '@nodeagent/csi/testing';
import { describe, expect, it } from 'vitest';

import { driverRules } from '../../../src/storage/plan/driver-rules.js';
import { LimitUpdates } from '../../../src/storage/run/limit-updates.js';

function aNode(nodeAllocatableUpdatePeriodSeconds?: number) {
  const clock = new ManualClock();
  const told: number[] = [];
  let names = ['d'];
  const { node } = connectInMemory(createMemoryDriver({ maxVolumes: 7 }));
  const spec =
    nodeAllocatableUpdatePeriodSeconds === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds };
  const updates = new LimitUpdates({
    registry: { names: () => names, node: () => node },
    announcer: { announce: async (_, info) => void told.push(info.maxVolumesPerNode) },
    api: { driverRules: async () => driverRules({ metadata: { name: 'd' }, spec }) },
    clock,
    log: SILENT_LOGGER,
  });
  void updates.run(new AbortController().signal);
  return { clock, told, updates, leave: () => (names = []) };
}

describe(LimitUpdates, () => {
  it('asks first after one period, and then once in each', async () => {
    const { clock, told } = aNode(30);
    await clock.advance(30_000);
    expect(told).toEqual([]);
    await clock.advance(30_000);
    expect(told).toEqual([7]);
    await clock.advance(60_000);
    expect(told).toEqual([7, 7, 7]);
  });

  it('asks at once when it is told to', async () => {
    const { told, updates } = aNode(30);
    await updates.refresh('d', new AbortController().signal);
    expect(told).toEqual([7]);
  });

  it('asks no driver that names no period, or has left', async () => {
    const silent = aNode();
    await silent.clock.advance(3_600_000);
    expect(silent.told).toEqual([]);
    const gone = aNode(30);
    await gone.clock.advance(20_000);
    gone.leave();
    await gone.clock.advance(120_000);
    expect(gone.told).toEqual([]);
  });
});
