import { SILENT_LOGGER } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { LastingDbus } from '@nodeagent/dbus';
import { describe, expect, it } from 'vitest';

import {
  type CgroupDifference,
  type CgroupTree,
  checkTree,
  describeDifferences,
  limitDifferences,
  openSystemdTree,
} from '../../src/index.js';
import { MemoryCgroups, MemorySystemd } from '../../src/testing/index.js';

const POD = ['kubepods', 'burstable', 'pod1'];
const PATH = '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice';
const UNIT = 'kubepods-burstable-pod1.slice';
const MIB = 2 ** 20;

function scene(change: (files: CgroupTree) => Partial<CgroupTree> = () => ({})) {
  const clock = new ManualClock();
  const cgroups = new MemoryCgroups({ clock, driver: 'systemd' });
  const systemd = new MemorySystemd(cgroups);
  const dbus = new LastingDbus({ open: () => systemd.bus.open(), clock });
  const opened = openSystemdTree({
    ...{ dbus, version: 2, clock, log: SILENT_LOGGER },
    files: { ...cgroups.tree, ...change(cgroups.tree) },
    isBusy: async (path) => cgroups.isBusy(path),
  });
  const seen: CgroupDifference[] = [];
  const checked = checkTree(opened, (difference) => seen.push(difference));
  return { clock, cgroups, systemd, opened, checked, tree: checked.tree, seen };
}

/** Lets what was sent arrive. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) await Promise.resolve();
}

describe('a slice of systemd', () => {
  it('is started with its limits, which systemd keeps when it reads its units again', async () => {
    const { tree, systemd, cgroups, seen } = scene();
    await tree.ensure(POD, { memoryLimitBytes: 64 * MIB, cpuShares: 512, pidsMax: 100 });
    await tree.ensure(POD, { memoryLimitBytes: 32 * MIB });
    await systemd.reload();
    expect(cgroups.valuesOf(PATH)).toMatchObject({ memoryLimitBytes: 32 * MIB, pidsMax: 100 });
    expect(systemd.property(UNIT, 'MemoryMax')).toBe(BigInt(32 * MIB));
    expect(systemd.property(UNIT, 'DefaultDependencies')).toBe(false);
    expect(seen).toEqual([]);
  });

  it('that is there already gets the limits, too', async () => {
    const { tree, systemd, cgroups, seen } = scene();
    await tree.ensure([...POD, 'below'], {});
    await tree.ensure(POD, { memoryLimitBytes: 64 * MIB });
    expect(cgroups.valuesOf(PATH)?.memoryLimitBytes).toBe(64 * MIB);
    expect(systemd.property(UNIT, 'MemoryMax')).toBe(BigInt(64 * MIB));
    expect(seen).toEqual([]);
  });

  it('has limits of huge pages by the kernel’s files, as systemd has no property for them', async () => {
    const { tree, cgroups } = scene();
    await tree.ensure(POD, { memoryLimitBytes: 64 * MIB, hugepageBytes: { '2MB': 4 * MIB } });
    expect(cgroups.valuesOf(PATH)?.hugepageBytes).toEqual({ '2MB': 4 * MIB });
    await tree.ensure(POD, { hugepageBytes: { '2MB': 0 } });
    await tree.ensure(POD, { memoryLimitBytes: 32 * MIB });
    expect(cgroups.valuesOf(PATH)?.hugepageBytes).toEqual({ '2MB': 0 });
  });

  it('is stopped with those below it', async () => {
    const { tree, systemd } = scene();
    await tree.ensure(POD, {});
    await tree.remove(['kubepods', 'burstable']);
    expect(systemd.units).toEqual(['kubepods.slice']);
  });

  it('with a process in it is not stopped', async () => {
    const { tree, systemd, clock } = scene();
    await tree.ensure(POD, {});
    await tree.add(POD, 42);
    const refused = expect(tree.remove(POD)).rejects.toMatchObject({ code: 'EBUSY' });
    await clock.advance(1000);
    await refused;
    expect(systemd.units).toContain(UNIT);
  });

  it('whose job fails is an error', async () => {
    const { tree, systemd } = scene();
    systemd.nextResult = 'failed';
    await expect(tree.ensure(POD, {})).rejects.toMatchObject({
      code: 'CGROUP_UNIT_FAILED',
      message: 'StartTransientUnit of kubepods.slice ended as "failed"',
    });
  });

  it('is made and changed though the connection was lost in between', async () => {
    const { tree, systemd, cgroups } = scene();
    await tree.ensure(POD, { memoryLimitBytes: 64 * MIB });
    systemd.restart();
    await tree.ensure(POD, { memoryLimitBytes: 32 * MIB });
    await tree.ensure([...POD, 'below'], {});
    expect(cgroups.valuesOf(PATH)?.memoryLimitBytes).toBe(32 * MIB);
    expect(systemd.units).toContain('kubepods-burstable-pod1-below.slice');
  });
});

describe('limits are read back', () => {
  it('after each change; what another program wrote is set again and told', async () => {
    // a file that systemd writes over with its own value
    let overwrites = 1;
    const { tree, seen, cgroups } = scene((files) => ({
      limits: async (names) => {
        const found = await files.limits(names);
        if (found?.memoryLimitBytes !== 64 * MIB || overwrites === 0) return found;
        overwrites -= 1;
        return { ...found, memoryLimitBytes: -1 };
      },
    }));
    await tree.ensure(POD, {});
    await tree.ensure(POD, { memoryLimitBytes: 64 * MIB });
    const differences = [{ limit: 'memoryLimitBytes', wanted: 64 * MIB, found: -1 }];
    expect(seen).toEqual([{ path: PATH, differences, remaining: [] }]);
    expect(cgroups.valuesOf(PATH)?.memoryLimitBytes).toBe(64 * MIB);
  });

  it('and what remains is told', async () => {
    const { tree, seen } = scene((files) => ({
      limits: async (names) => ({ ...(await files.limits(names)), pidsMax: -1 }),
    }));
    await tree.ensure(POD, { pidsMax: 10 });
    const differences = [{ limit: 'pidsMax', wanted: 10, found: -1 }];
    expect(seen).toEqual([{ path: PATH, differences, remaining: differences }]);
  });

  it('once more when systemd has read its units again', async () => {
    const { tree, opened, checked, systemd, cgroups, seen } = scene();
    const stop = new AbortController();
    const rechecks: Promise<void>[] = [];
    const watching = opened.watchOverwrites?.(() => rechecks.push(checked.recheck()), stop.signal);
    await tree.ensure(POD, { memoryLimitBytes: 64 * MIB });
    await tree.ensure(POD, { pidsMax: 10 });
    await cgroups.tree.ensure(POD, { memoryLimitBytes: -1, pidsMax: 9 });
    await settled();
    const before = rechecks.length;
    await systemd.reload(); // it writes what it knows, which is right again
    expect(rechecks).toHaveLength(before + 1);
    await Promise.all(rechecks);
    expect(seen).toEqual([]);
    await cgroups.tree.ensure(POD, { memoryLimitBytes: -1 });
    await checked.recheck();
    expect(seen).toMatchObject([{ path: PATH, remaining: [] }]);
    expect(cgroups.valuesOf(PATH)).toMatchObject({ memoryLimitBytes: 64 * MIB, pidsMax: 10 });
    stop.abort();
    await watching;
  });

  it('not of cgroups that are gone', async () => {
    const { tree, checked, seen } = scene();
    await tree.ensure(POD, { pidsMax: 10 });
    await tree.remove(['kubepods']);
    await checked.recheck();
    expect(seen).toEqual([]);
  });

  it('by changes that take turns', async () => {
    const { tree, seen, cgroups } = scene();
    const amounts = [10, 20, 30, 40].map((pidsMax) => tree.ensure(POD, { pidsMax }));
    await Promise.all(amounts);
    expect(seen).toEqual([]);
    expect(cgroups.valuesOf(PATH)?.pidsMax).toBe(40);
  });
});

describe('differences', () => {
  it.each([
    ['a weight within its step', { cpuShares: 1010 }, { cpuShares: 1005 }, 2, ''],
    ['a weight of version 1', { cpuShares: 1000 }, { cpuShares: 998 }, 1, '998 instead of 1000'],
    ['whole pages', { memoryLimitBytes: 4100 }, { memoryLimitBytes: 4096 }, 2, ''],
    ['more memory', { memoryLimitBytes: 4096 }, { memoryLimitBytes: 8192 }, 2, '8192 instead'],
    ['no limit', { pidsMax: -1 }, { pidsMax: -1 }, 2, ''],
    ['a lost limit', { pidsMax: 5 }, { pidsMax: -1 }, 2, 'without limit instead of 5'],
    ['a period without quota', { cpuPeriodUs: 5000 }, { cpuPeriodUs: 100_000 }, 2, ''],
    ['a controller that is not mounted', { pidsMax: 5 }, {}, 1, ''],
  ] as const)('%s', (_, wanted, found, version, text) => {
    const said = describeDifferences(limitDifferences(wanted, found, version));
    if (text === '') expect(said).toBe('');
    else expect(said).toContain(text);
  });
});
