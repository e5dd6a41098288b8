import { readFile } from 'node:fs/promises';

import { SILENT_LOGGER } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { runCommand } from '@nodeagent/testbed';
import { expect, it, onTestFinished } from 'vitest';

import { type CgroupDifference, checkTree } from '../../src/index.js';
import { createCgroupTree, openTree } from '../../src/linux.js';

const MIB = 2 ** 20;
const POD = ['overwritten', 'burstable', 'pod1-2'];
const LIMITS = {
  ...{ memoryLimitBytes: 64 * MIB, pidsMax: 500, cpuShares: 512 },
  ...{ cpuPeriodUs: 100_000, cpuQuotaUs: 50_000 },
};

async function scene() {
  const opened = await openTree({
    ...{ driver: 'systemd', clock: createSystemClock(), log: SILENT_LOGGER },
  });
  const files = await createCgroupTree('systemd');
  const seen: CgroupDifference[] = [];
  const checked = checkTree(opened, (difference) => seen.push(difference));
  const stop = new AbortController();
  const watching = opened.watchOverwrites?.(() => void checked.recheck(), stop.signal);
  /** Ends as an agent does: slices stay. */
  const end = async (): Promise<void> => {
    stop.abort();
    await watching;
  };
  onTestFinished(async () => {
    if (!stop.signal.aborted) await checked.tree.remove(['overwritten']);
    await end();
  });
  return { files, checked, tree: checked.tree, seen, end };
}

async function show(unit: string, property: string): Promise<string> {
  return (await runCommand(['systemctl', 'show', '--value', '-p', property, unit])).trim();
}

it('limits hold after systemctl daemon-reload and when other units start', async () => {
  const { tree, files, seen } = await scene();
  await tree.ensure(['overwritten'], { memoryLimitBytes: 256 * MIB, pidsMax: 1000 });
  await tree.ensure(POD, LIMITS);
  await runCommand(['systemctl', 'daemon-reload']);
  await runCommand(['systemd-run', '--wait', '--slice=overwritten-burstable', 'true']);
  expect(await files.limits(POD)).toMatchObject({ memoryLimitBytes: 64 * MIB, pidsMax: 500 });
  expect(await files.limits(POD)).toMatchObject({ cpuQuotaUs: 50_000, cpuPeriodUs: 100_000 });
  expect(await files.limits(['overwritten'])).toMatchObject({ memoryLimitBytes: 256 * MIB });
  expect(seen).toEqual([]);
  const unit = 'overwritten-burstable-pod1_2.slice';
  expect(await show(unit, 'CPUQuotaPerSecUSec')).toBe('500ms');
  expect(await show(unit, 'TasksMax')).toBe('500');
  expect(await show(unit, 'DefaultDependencies')).toBe('no');
});

it('a limit that another program overwrites is told and set again after daemon-reload', async () => {
  const { tree, files, seen } = await scene();
  await tree.ensure(POD, LIMITS);
  await files.ensure(POD, { pidsMax: 7 });
  await runCommand(['systemctl', 'daemon-reload']);
  await expect.poll(async () => (await files.limits(POD))?.pidsMax).toBe(500);
  for (const { path, remaining } of seen) {
    expect(path).toBe(
      '/overwritten.slice/overwritten-burstable.slice/overwritten-burstable-pod1_2.slice',
    );
    expect(remaining).toEqual([]);
  }
});

it('a slice is gone from systemd and from the kernel after its end', async () => {
  const { tree, files } = await scene();
  await tree.ensure(POD, LIMITS);
  await tree.remove(['overwritten', 'burstable']);
  expect(await files.limits(POD)).toBeUndefined();
  expect(await show('overwritten-burstable-pod1_2.slice', 'ActiveState')).toBe('inactive');
  expect(await show('overwritten.slice', 'ActiveState')).toBe('active');
  const own = await readFile('/proc/self/cgroup', 'utf8');
  expect(own).not.toContain('overwritten');
});

it('limits hold when the agent starts anew, and when systemd does', async () => {
  const first = await scene();
  await first.tree.ensure(POD, LIMITS);
  await first.end();
  const second = await scene();
  await second.tree.ensure(POD, { ...LIMITS, memoryLimitBytes: 32 * MIB });
  await runCommand(['systemctl', 'daemon-reexec']);
  await second.tree.ensure(POD, { pidsMax: 600 });
  expect(await second.files.limits(POD)).toMatchObject({
    ...{ memoryLimitBytes: 32 * MIB, pidsMax: 600, cpuQuotaUs: 50_000 },
  });
  expect(second.seen).toEqual([]);
});
