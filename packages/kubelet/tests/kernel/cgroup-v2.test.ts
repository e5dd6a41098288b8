import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { startProcess, tryCommand } from '@nodeagent/testbed';
import { expect, it, onTestFinished } from 'vitest';

import { createCgroupTree, hasCgroupV2 } from '../../src/resources/adapters/cgroup-tree.js';
import { sharesToWeight } from '../../src/resources/plan/cgroup-values.js';

const POD = ['kubepods', 'burstable', 'pod-kernel-test'];
const dir = join('/sys/fs/cgroup', ...POD);
const read = (file: string) => readFileSync(join(dir, file), 'utf8').trim();

async function aPodCgroup(values: Parameters<Tree['ensure']>[1]): Promise<Tree> {
  const tree = await createCgroupTree('cgroupfs');
  await tree.ensure(POD, values);
  onTestFinished(() => tree.remove(['kubepods']));
  return tree;
}
type Tree = Awaited<ReturnType<typeof createCgroupTree>>;

it('writes what version 2 calls the limits, and hands the controllers down', async () => {
  expect(await hasCgroupV2()).toBe(true);
  await aPodCgroup({
    cpuShares: 1024,
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 64 * 1024 * 1024,
    pidsMax: 20,
  });
  expect(read('cpu.weight')).toBe(String(sharesToWeight(1024)));
  expect(read('cpu.max')).toBe('50000 100000');
  expect(read('memory.max')).toBe('67108864');
  expect(read('pids.max')).toBe('20');
  const above = readFileSync('/sys/fs/cgroup/kubepods/cgroup.subtree_control', 'utf8');
  expect(above.trim().split(' ')).toEqual(expect.arrayContaining(['cpu', 'memory', 'pids']));
});

it('reads back what a cgroup is held to, and what it uses', async () => {
  const tree = await aPodCgroup({
    cpuShares: 1024,
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 64 * 1024 * 1024,
  });
  const limits = await tree.limits(POD);
  expect(limits).toMatchObject({
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 64 * 1024 * 1024,
  });
  expect(sharesToWeight(limits?.cpuShares ?? 0)).toBe(sharesToWeight(1024));
  const usage = await tree.memoryUsage(POD);
  expect(usage).toBeGreaterThanOrEqual(0);
  expect(usage).toBeLessThan(64 * 1024 * 1024);
  await tree.ensure(POD, { cpuQuotaUs: -1, cpuPeriodUs: 100_000 });
  expect(await tree.limits(POD)).toMatchObject({ cpuQuotaUs: -1 });
  expect(await tree.limits([...POD, 'none'])).toBeUndefined();
});

it('lets the kernel hold a pod to its number of processes', async () => {
  await aPodCgroup({ pidsMax: 2 });
  const script = `echo $$ >${dir}/cgroup.procs; (sleep 1 & sleep 1 & sleep 1 & wait)`;
  const { stderr } = await tryCommand(['sh', '-c', script]);
  expect(stderr).toMatch(/fork|Resource temporarily unavailable/);
  expect(Number(/max (\d+)/.exec(read('pids.events'))?.[1])).toBeGreaterThan(0);
});

it('lets the kernel kill what takes more memory than the pod has', async () => {
  await aPodCgroup({ memoryLimitBytes: 16 * 1024 * 1024 });
  const script = `echo $$ >${dir}/cgroup.procs; exec tail /dev/zero`;
  const { exitCode } = await tryCommand(['sh', '-c', script]);
  expect(exitCode).toBe(-1); // by a signal
  expect(Number(/^oom_kill (\d+)/m.exec(read('memory.events'))?.[1])).toBeGreaterThan(0);
});

it('removes a cgroup with those below, once their processes are gone', async () => {
  const tree = await aPodCgroup({});
  await tree.ensure([...POD, 'container'], {});
  const sleeper = await startProcess({ argv: ['sleep', '100'], logFile: '/tmp/sleeper.log' });
  writeFileSync(join(dir, 'container/cgroup.procs'), String(sleeper.pid));
  await expect(tree.remove(POD)).rejects.toMatchObject({ code: 'EBUSY' });
  await sleeper.kill9();
  await tree.remove(POD);
  expect(existsSync(dir)).toBe(false);
});

it('kills what runs in a cgroup and below it', async () => {
  const tree = await aPodCgroup({});
  await tree.ensure([...POD, 'container'], {});
  const sleeper = await startProcess({ argv: ['sleep', '100'], logFile: '/tmp/killed.log' });
  writeFileSync(join(dir, 'container/cgroup.procs'), String(sleeper.pid));
  expect(await tree.children(POD)).toEqual(['container']);
  await tree.kill(POD);
  await tree.remove(POD);
  expect(existsSync(dir)).toBe(false);
});
