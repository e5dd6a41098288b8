import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CgroupReadings } from '../../src/stats/index.js';

/** A cgroup with one process that burns CPU and holds memory, and limits of both. */
export interface BusyCgroup {
  readonly readings: CgroupReadings;
  readonly path: string;
  readonly pid: number;
  /** Until it has used a little more CPU. */
  burn(): Promise<void>;
  remove(): Promise<void>;
}

export const BUSY_LIMITS = { cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: 64 * 2 ** 20 };

/** What every {@link CgroupReadings} does. */
export function cgroupReadingsContract(create: () => Promise<BusyCgroup>): void {
  describe('a cgroup that is busy', () => {
    let busy: BusyCgroup;
    beforeAll(async () => {
      busy = await create();
    });
    afterAll(() => busy.remove());

    const basic = { full: false, limits: undefined };

    it('tells of CPU, memory and threads', async () => {
      const found = await busy.readings.read(busy.path, basic);
      expect(found?.cpu?.usageNs).toBeGreaterThan(0);
      const { usageBytes = 0, workingSetBytes = 0, rssBytes = 0 } = found?.memory ?? {};
      expect(workingSetBytes).toBeLessThanOrEqual(usageBytes);
      expect(rssBytes).toBeGreaterThan(0);
      expect(found?.threads).toBe(1);
      expect(found?.devices).toBeUndefined();
      expect(found?.processes).toBeUndefined();
    });

    it('uses more CPU as time goes by', async () => {
      const before = await busy.readings.read(busy.path, basic);
      await busy.burn();
      const after = await busy.readings.read(busy.path, basic);
      expect(after?.cpu?.usageNs).toBeGreaterThan(before?.cpu?.usageNs ?? Infinity);
      expect(after?.atMs).toBeGreaterThanOrEqual(before?.atMs ?? Infinity);
    });

    it('tells what it may use', async () => {
      const found = await busy.readings.read(busy.path, basic);
      expect(found?.limits).toMatchObject(BUSY_LIMITS);
    });

    it('takes limits that are known already', async () => {
      const first = await busy.readings.read(busy.path, basic);
      const limits = { ...first!.limits, cpuShares: 7 };
      expect((await busy.readings.read(busy.path, { full: false, limits }))?.limits).toBe(limits);
    });

    it('tells the rest when asked for everything', async () => {
      const found = await busy.readings.read(busy.path, { full: true, limits: undefined });
      expect(found?.processes).toBe(1);
      expect(found?.cpu?.throttling?.periods).toBeGreaterThan(0);
    });

    it('has a process and a time', async () => {
      expect(await busy.readings.processOf(busy.path)).toBe(busy.pid);
      expect(await busy.readings.changedAtMs(busy.path)).toBeGreaterThan(0);
    });
  });

  it('knows nothing of a cgroup that is not there', async () => {
    const busy = await create();
    await busy.remove();
    expect(await busy.readings.read(busy.path, { full: true, limits: undefined })).toBeUndefined();
    expect(await busy.readings.processOf(busy.path)).toBeUndefined();
    expect(await busy.readings.changedAtMs(busy.path)).toBeUndefined();
  });
}
