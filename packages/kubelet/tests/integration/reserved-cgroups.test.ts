import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseMountinfo } from '@nodeagent/base';
import { MemoryLogger } from '@nodeagent/base/testing';
import { cgroupMounts, type CgroupTree } from '@nodeagent/cgroups';
import { createCgroupTree, hasCgroupV2 } from '@nodeagent/cgroups/linux';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { enforceReserved, PodCgroups } from '../../src/resources/run/index.js';

const NAME = `nodeagent-reserved-${process.pid}`;
let tree: CgroupTree;
let cgroups: PodCgroups;

beforeAll(async () => {
  tree = await createCgroupTree('cgroupfs');
  cgroups = new PodCgroups({
    tree,
    layout: { driver: 'cgroupfs', root: `/${NAME}` },
    rules: { cpuCfsQuota: true, cpuPeriodUs: 100_000, podPidsLimit: -1 },
    version: (await hasCgroupV2()) ? 2 : 1,
    log: new MemoryLogger(),
  });
  await tree.ensure([NAME], {});
});
afterAll(() => tree.remove([NAME]));

async function pidsMax(): Promise<string> {
  const mounts = cgroupMounts(
    parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')),
    '/sys/fs/cgroup',
  );
  const above = mounts.version === 2 ? '/sys/fs/cgroup' : (mounts.controllers.get('pids') ?? '');
  return (await readFile(join(above, NAME, 'pids.max'), 'utf8')).trim();
}

describe('a reserved cgroup', () => {
  const events = { normal: () => undefined, warning: () => undefined };
  const reserving = (path: string) => ({
    ...{ cgroups, events },
    reserved: [
      {
        ...({ field: 'kubeReservedCgroup', group: 'kube', title: 'Kube Reserved', path } as const),
        values: { cpuShares: 512, memoryLimitBytes: 64 * 2 ** 20, pidsMax: 50 },
      },
    ],
  });

  it('gets the reserved CPU, memory and number of processes', async () => {
    expect(await enforceReserved(reserving(`/${NAME}`))).toBeUndefined();
    const limits = await tree.limits([NAME]);
    expect(limits?.memoryLimitBytes).toBe(64 * 2 ** 20);
    expect(limits?.cpuShares).toBeLessThan(1024);
    expect(await pidsMax()).toBe('50');
  });

  it('must exist', async () => {
    expect(await enforceReserved(reserving(`/${NAME}/none`))).toEqual({
      field: 'kubeReservedCgroup',
      message: `Failed to enforce Kube Reserved Cgroup Limits on "/${NAME}/none": there is no such cgroup with the controllers cpu and memory`,
    });
    expect(await tree.children([NAME])).toEqual([]);
  });
});
