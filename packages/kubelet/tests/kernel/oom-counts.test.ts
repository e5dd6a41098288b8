import { writeFile } from 'node:fs/promises';

import { createCgroupTree } from '@nodeagent/cgroups/linux';
import { startProcess, tryCommand } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { readOomCounts } from '../../src/node/adapters/oom-counts.js';
import { killsOfMachine, type OomCounts } from '../../src/node/model/oom-counts.js';

const NAME = 'oom-counts-test';

/** @returns the counts before and after */
async function around(act: () => Promise<void>): Promise<readonly [OomCounts, OomCounts]> {
  const before = readOomCounts();
  await act();
  const after = readOomCounts();
  if (before === undefined || after === undefined) throw new Error('the kernel does not count');
  return [before, after];
}

it('a process that ends at the limit of its cgroup is not one of the machine', async () => {
  const tree = await createCgroupTree('cgroupfs');
  await tree.ensure([NAME], { memoryLimitBytes: 16 * 2 ** 20 });
  const script = `echo $$ >/sys/fs/cgroup/${NAME}/cgroup.procs; exec tail /dev/zero`;
  const [before, after] = await around(async () => {
    expect(await tryCommand(['sh', '-c', script])).toMatchObject({ exitCode: -1 }); // by a signal
  });
  expect(after.kills).toBe(before.kills + 1);
  expect(after.atLimits).toBeGreaterThan(before.atLimits);
  expect(killsOfMachine(before, after)).toBe(0);
  await tree.remove([NAME]);
});

it('a process that the machine has no memory for is counted', async () => {
  const victim = await startProcess({ argv: ['sleep', '100'], logFile: '/tmp/victim.log' });
  await writeFile(`/proc/${victim.pid}/oom_score_adj`, '1000');
  const [before, after] = await around(async () => {
    // acts as if no memory were left
    await writeFile('/proc/sysrq-trigger', 'f');
    expect(await victim.ended).toBe('SIGKILL');
  });
  expect(killsOfMachine(before, after)).toBe(1);
});
