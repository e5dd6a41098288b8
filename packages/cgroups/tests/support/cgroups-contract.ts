import { createSystemClock } from '@nodeagent/base/system';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type Cgroups, cpuShares, sharesToWeight, watchOomKills } from '../../src/index.js';

/** A process that burns CPU and holds memory in the cgroup that it was put into. */
export interface BusyProcess {
  readonly pid: number;
  /** Until it has used a little more CPU. */
  burn(): Promise<void>;
  end(): Promise<void>;
}

/** Cgroups, and what a test does in them. */
export interface CgroupScene {
  readonly cgroups: Cgroups;
  /** A name at the root that nobody else has. */
  readonly top: string;
  /** @param names a cgroup that is there, with a quota of CPU */
  start(names: readonly string[]): Promise<BusyProcess>;
  /** Runs a process in it that takes memory until the kernel has killed it. */
  exhaust(names: readonly string[]): Promise<void>;
}

const MIB = 2 ** 20;
const BUSY = { cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 64 * MIB };
const BUSY_LIMITS = { cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: 64 * MIB };

/** The rules for every {@link Cgroups}: in memory, and the kernel's of either version. */
export function cgroupsContract(open: () => Promise<CgroupScene>): void {
  let scene: CgroupScene;
  beforeAll(async () => {
    scene = await open();
  });
  afterAll(async () => {
    await scene.cgroups.tree.kill([scene.top]);
    await scene.cgroups.tree.remove([scene.top]);
  });

  /** The name that the driver gives it below its parent. */
  const lastOf = (names: readonly string[]): string =>
    scene.cgroups.pathOf(names).split('/').at(-1) ?? '';

  describe('a cgroup', () => {
    it('is made with those above it, and lies below them', async () => {
      const { tree } = scene.cgroups;
      await tree.ensure([scene.top, 'above', 'one'], {});
      await tree.ensure([scene.top, 'above', 'two'], {});
      const children = [...(await tree.children([scene.top, 'above']))].sort();
      expect(children).toEqual(['one', 'two'].map((name) => lastOf([scene.top, 'above', name])));
      expect(await tree.children([scene.top, 'above', 'one'])).toEqual([]);
    });

    it('has no limits when it is made', async () => {
      const { tree } = scene.cgroups;
      await tree.ensure([scene.top, 'free'], {});
      const limits = await tree.limits([scene.top, 'free']);
      expect(limits).toMatchObject({ cpuQuotaUs: -1, memoryLimitBytes: -1 });
      expect(await tree.memoryUsage([scene.top, 'free'])).toBeGreaterThanOrEqual(0);
    });

    it('has the limits that it was given, and keeps those that a change does not name', async () => {
      const { tree } = scene.cgroups;
      const names = [scene.top, 'limited'];
      await tree.ensure(names, { ...BUSY, cpuShares: cpuShares(500), pidsMax: 20 });
      await tree.ensure(names, { memoryLimitBytes: 32 * MIB });
      const found = await tree.limits(names);
      expect(found).toMatchObject({ ...BUSY, memoryLimitBytes: 32 * MIB });
      expect(sharesToWeight(found?.cpuShares ?? 0)).toBe(sharesToWeight(512));
      expect(found?.pidsMax).toBe(20);
    });

    it('loses a limit that is -1', async () => {
      const { tree, readings } = scene.cgroups;
      const names = [scene.top, 'freed'];
      await tree.ensure(names, { ...BUSY, pidsMax: 20 });
      await tree.ensure(names, { cpuQuotaUs: -1, memoryLimitBytes: -1, pidsMax: -1 });
      expect(await tree.limits(names)).toMatchObject({ cpuQuotaUs: -1, memoryLimitBytes: -1 });
      const path = scene.cgroups.pathOf(names);
      const { limits } = (await readings.read(path, { full: false, limits: undefined })) ?? {};
      expect(limits).toMatchObject({ memoryBytes: undefined, threads: undefined });
    });

    it('is removed with those below it, and once more without harm', async () => {
      const { tree } = scene.cgroups;
      await tree.ensure([scene.top, 'gone', 'below'], {});
      await tree.remove([scene.top, 'gone']);
      await tree.remove([scene.top, 'gone']);
      expect(await tree.limits([scene.top, 'gone', 'below'])).toBeUndefined();
      expect(await tree.children([scene.top])).not.toContain(lastOf([scene.top, 'gone']));
    });

    it('is not there before it is made', async () => {
      const { tree, readings, events } = scene.cgroups;
      const [names, path] = [[scene.top, 'none'], scene.cgroups.pathOf([scene.top, 'none'])];
      expect(await tree.limits(names)).toBeUndefined();
      expect(await tree.memoryUsage(names)).toBeUndefined();
      expect(await tree.children(names)).toEqual([]);
      await expect(tree.add(names, process.pid)).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await readings.read(path, { full: true, limits: undefined })).toBeUndefined();
      expect(await readings.workingSetBytes(path)).toBeUndefined();
      expect(await readings.processOf(path)).toBeUndefined();
      expect(await readings.changedAtMs(path)).toBeUndefined();
      expect(await events.oomKills(path)).toBeUndefined();
    });

    it('stays while a process is in it, and goes when that was killed', async () => {
      const { tree } = scene.cgroups;
      await tree.ensure([scene.top, 'lived-in', 'below'], BUSY);
      const busy = await scene.start([scene.top, 'lived-in', 'below']);
      await expect(tree.remove([scene.top, 'lived-in'])).rejects.toMatchObject({ code: 'EBUSY' });
      await tree.kill([scene.top, 'lived-in']);
      await busy.end();
      await tree.remove([scene.top, 'lived-in']);
      expect(await tree.limits([scene.top, 'lived-in'])).toBeUndefined();
    });
  });

  describe('a cgroup that is busy', () => {
    let busy: BusyProcess;
    let path: string;
    beforeAll(async () => {
      await scene.cgroups.tree.ensure([scene.top, 'busy'], BUSY);
      path = scene.cgroups.pathOf([scene.top, 'busy']);
      busy = await scene.start([scene.top, 'busy']);
    });
    afterAll(() => busy.end());

    const basic = { full: false, limits: undefined };
    const read = (how: Parameters<Cgroups['readings']['read']>[1] = basic) =>
      scene.cgroups.readings.read(path, how);

    it('shows CPU, memory and threads', async () => {
      const found = await read();
      expect(found?.cpu?.usageNs).toBeGreaterThan(0);
      const { usageBytes = 0, workingSetBytes = 0, rssBytes = 0 } = found?.memory ?? {};
      expect(workingSetBytes).toBeLessThanOrEqual(usageBytes);
      expect(rssBytes).toBeGreaterThan(0);
      const alone = (await scene.cgroups.readings.workingSetBytes(path)) ?? 0;
      expect(alone).toBeGreaterThan(0);
      expect(alone).toBeLessThan(2 * usageBytes);
      expect(found?.threads).toBe(1);
      expect(found?.devices).toBeUndefined();
      expect(found?.processes).toBeUndefined();
    });

    it('uses more CPU as time goes by', async () => {
      const before = await read();
      await busy.burn();
      const after = await read();
      expect(after?.cpu?.usageNs).toBeGreaterThan(before?.cpu?.usageNs ?? Infinity);
      expect(after?.atMs).toBeGreaterThanOrEqual(before?.atMs ?? Infinity);
    });

    it('shows its limits', async () => {
      expect((await read())?.limits).toMatchObject(BUSY_LIMITS);
    });

    it('keeps limits that the caller knows already', async () => {
      const limits = { ...(await read())!.limits, cpuShares: 7 };
      expect((await read({ full: false, limits }))?.limits).toBe(limits);
    });

    it('shows processes and throttling in a full reading', async () => {
      const found = await read({ full: true, limits: undefined });
      expect(found?.processes).toBe(1);
      expect(found?.cpu?.throttling?.periods).toBeGreaterThan(0);
    });

    it('has a process and a time', async () => {
      expect(await scene.cgroups.readings.processOf(path)).toBe(busy.pid);
      expect(await scene.cgroups.readings.changedAtMs(path)).toBeGreaterThan(0);
    });
  });

  it('a process that is killed for want of memory is reported, until the cgroup is gone', async () => {
    const { tree, events } = scene.cgroups;
    const [names, stop] = [[scene.top, 'small'], new AbortController()];
    await tree.ensure(names, { memoryLimitBytes: 16 * MIB });
    const path = scene.cgroups.pathOf(names);
    const kills: number[] = [];
    const watching = watchOomKills(
      { events, clock: createSystemClock(), periodMs: 100 },
      path,
      (count) => kills.push(count),
      stop.signal,
    );
    await scene.exhaust(names);
    await vi.waitFor(() => expect(kills).toEqual([1]), { timeout: 30_000 });
    expect(await events.oomKills(path)).toBe(1);
    await tree.remove(names);
    expect(await watching).toBe('gone');
  });
}
