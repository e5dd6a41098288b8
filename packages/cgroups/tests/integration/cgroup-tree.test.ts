import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runCommand, startProcess } from '@nodeagent/testbed';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createCgroupTree, hasCgroupV2 } from '../../src/linux.js';

const ROOT = '/sys/fs/cgroup';
const isV2 = await hasCgroupV2();
const controllers = isV2 ? [''] : ['cpu', 'memory', 'pids', 'cpuset'];
const top = `tree-${process.pid}`;

/** A process that lives in the cgroup, with every controller that the tree uses. */
async function lives(names: readonly string[]): Promise<number> {
  const logFile = join('/tmp', `${top}.log`);
  const sleeper = await startProcess({ argv: ['sleep', '600'], logFile });
  onTestFinished(() => sleeper.stop());
  for (const controller of controllers) {
    writeFileSync(join(ROOT, controller, ...names, 'cgroup.procs'), String(sleeper.pid));
  }
  return sleeper.pid;
}

describe('cgroups of this kernel', () => {
  it.each([
    ['nothing of the way', [] as const],
    ['all above', [top, 'above'] as const],
    ['itself', [top, 'above', 'last'] as const],
  ])('can be lived in where %s was there', async (_, there) => {
    const names = [top, 'above', 'last'];
    const tree = await createCgroupTree('cgroupfs');
    onTestFinished(() => tree.remove([top]));
    // as somebody else makes them: a cpuset of version 1 has no processors then
    for (const controller of there.length > 0 ? controllers : []) {
      mkdirSync(join(ROOT, controller, ...there), { recursive: true });
    }
    await tree.ensure(names, { cpuShares: 512 });
    await tree.ensure(names, { cpuShares: 256 });
    const pid = await lives(names);
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(`/${names.join('/')}\n`);
    expect(await tree.limits(names)).toMatchObject({
      cpuShares: expect.closeTo(256, -2) as number,
    });
    await tree.kill(names);
  });

  it.skipIf(isV2)(
    'are made where they are mounted, whatever directories lie beside them',
    async () => {
      const mountpoint = mkdtempSync(join(tmpdir(), 'cgroups-'));
      await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', mountpoint]);
      onTestFinished(async () => {
        await runCommand(['umount', '--recursive', mountpoint]);
        rmdirSync(mountpoint);
      });
      for (const name of ['hugetlb', 'cpu', 'cpuacct', 'cpuset', 'memory', 'pids']) {
        mkdirSync(join(mountpoint, name));
        if (name === 'hugetlb') continue;
        await runCommand(['mount', '--bind', join(ROOT, name), join(mountpoint, name)]);
      }
      // As init systems leave it: nobody makes a directory beside the mounts.
      await runCommand(['mount', '-o', 'remount,ro', mountpoint]);
      const tree = await createCgroupTree('cgroupfs', mountpoint);
      await tree.ensure([top, 'last'], { cpuShares: 512 });
      onTestFinished(() => tree.remove([top]));
      expect(await tree.limits([top, 'last'])).toMatchObject({ cpuShares: 512 });
      expect(existsSync(join(ROOT, 'memory', top, 'last'))).toBe(true);
      await tree.remove([top]);
      expect(existsSync(join(ROOT, 'memory', top))).toBe(false);
    },
  );

  it.skipIf(isV2)('cannot be made where a controller that is needed is not mounted', async () => {
    const mountpoint = mkdtempSync(join(tmpdir(), 'cgroups-'));
    onTestFinished(() => rmSync(mountpoint, { recursive: true }));
    for (const name of ['cpu', 'cpuacct', 'cpuset', 'memory']) mkdirSync(join(mountpoint, name));
    const tree = await createCgroupTree('cgroupfs', mountpoint);
    await expect(tree.ensure([top], {})).rejects.toMatchObject({
      code: 'CGROUP_NOT_MOUNTED',
      controllers: ['cpu', 'cpuacct', 'cpuset', 'memory'],
    });
    expect(await tree.children([top])).toEqual([]);
  });

  it('are gone with those below', async () => {
    const tree = await createCgroupTree('cgroupfs');
    await tree.ensure([top, 'above', 'last'], {});
    await tree.remove([top]);
    for (const controller of controllers) {
      expect(existsSync(join(ROOT, controller, top))).toBe(false);
    }
  });
});
