import { SILENT_LOGGER } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { CsiNodeReport } from '../../../src/storage/run/csi-node-report.js';

function aReport() {
  const clock = new ManualClock();
  const end = new AbortController();
  const world: { problem: Error | undefined; hangs: Promise<void> | undefined } = {
    problem: undefined,
    hangs: undefined,
  };
  const report = new CsiNodeReport({
    announcer: {
      open: async () => {
        await world.hangs;
        if (world.problem !== undefined) throw world.problem;
      },
    },
    clock,
    log: SILENT_LOGGER,
  });
  return { clock, end, world, report, run: () => report.run(end.signal) };
}

describe(CsiNodeReport, () => {
  it('says that the CSINode is not there until it is', async () => {
    const { report, run } = aReport();
    expect(report.problem()).toBe('CSINode is not yet initialized');
    await run();
    expect(report.problem()).toBeUndefined();
  });

  it('says why it cannot be created, and tries again, a minute apart at most', async () => {
    const { clock, report, world, run } = aReport();
    world.problem = new Error('forbidden');
    const running = run();
    for (const ms of [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000]) {
      await clock.advance(ms);
      expect(report.problem()).toBe('failed to initialize CSINode: forbidden');
    }
    world.problem = undefined;
    await clock.advance(60_000);
    await running;
    expect(report.problem()).toBeUndefined();
  });

  it('is settled after the first attempt, even if that failed', async () => {
    const { end, report, world, run } = aReport();
    world.problem = new Error('forbidden');
    const running = run();
    await report.settled(end.signal);
    expect(report.problem()).toBe('failed to initialize CSINode: forbidden');
    end.abort();
    await running;
  });

  it('is settled after a second if the API server does not answer', async () => {
    const { clock, end, report, world, run } = aReport();
    const answer = Promise.withResolvers<undefined>();
    world.hangs = answer.promise;
    const running = run();
    let isSettled = false;
    const settled = report.settled(end.signal).then(() => (isSettled = true));
    await clock.advance(999);
    expect(isSettled).toBe(false);
    await clock.advance(1);
    await settled;
    answer.resolve(undefined);
    await running;
  });

  it('is settled at once when the kubelet ends', async () => {
    const { end, report } = aReport();
    const settled = report.settled(end.signal);
    end.abort();
    await settled;
  });
});
