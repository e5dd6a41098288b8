import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { startProcess } from '@nodeagent/testbed';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createCgroupTree, hasCgroupV2 } from '../../src/resources/adapters/cgroup-tree.js';

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
    ['itself', [top, 'above', 'pod'] as const],
  ])('can be lived in where %s was there', async (_, there) => {
    const names = [top, 'above', 'pod'];
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

  it('are gone with those below', async () => {
    const tree = await createCgroupTree('cgroupfs');
    await tree.ensure([top, 'above', 'pod'], {});
    await tree.remove([top]);
    for (const controller of controllers) {
      expect(existsSync(join(ROOT, controller, top))).toBe(false);
    }
  });
});
