import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { startProcess, tryCommand } from '@nodeagent/testbed';
import { expect, it, onTestFinished } from 'vitest';

import {
  cgroupPath,
  type CgroupTree,
  type CgroupValues,
  sharesToWeight,
  watchOomKills,
} from '../../src/index.js';
import { createCgroupEvents, createCgroupTree, hasCgroupV2 } from '../../src/linux.js';

const NAMES = ['kernel-test', 'above', 'last'];
const dir = join('/sys/fs/cgroup', ...NAMES);
const read = (file: string) => readFileSync(join(dir, file), 'utf8').trim();

async function aCgroup(values: CgroupValues): Promise<CgroupTree> {
  const tree = await createCgroupTree('cgroupfs');
  await tree.ensure(NAMES, values);
  onTestFinished(() => tree.remove([NAMES[0]!]));
  return tree;
}

it('writes what version 2 calls the limits, and hands the controllers down', async () => {
  expect(await hasCgroupV2()).toBe(true);
  await aCgroup({
    cpuShares: 1024,
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 64 * 1024 * 1024,
    memoryMinBytes: 8 * 1024 * 1024,
    memoryLowBytes: 16 * 1024 * 1024,
    pidsMax: 20,
  });
  expect(read('cpu.weight')).toBe(String(sharesToWeight(1024)));
  expect(read('cpu.max')).toBe('50000 100000');
  expect(read('memory.max')).toBe('67108864');
  expect(read('memory.min')).toBe('8388608');
  expect(read('memory.low')).toBe('16777216');
  expect(read('pids.max')).toBe('20');
  const above = readFileSync('/sys/fs/cgroup/kernel-test/cgroup.subtree_control', 'utf8');
  expect(above.trim().split(' ')).toEqual(expect.arrayContaining(['cpu', 'memory', 'pids']));
});

it('reads back what a cgroup is held to, and what it uses', async () => {
  const tree = await aCgroup({
    cpuShares: 1024,
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 64 * 1024 * 1024,
  });
  const limits = await tree.limits(NAMES);
  expect(limits).toMatchObject({
    ...{ memoryMinBytes: 0, memoryLowBytes: 0 },
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 64 * 1024 * 1024,
  });
  expect(sharesToWeight(limits?.cpuShares ?? 0)).toBe(sharesToWeight(1024));
  const usage = await tree.memoryUsage(NAMES);
  expect(usage).toBeGreaterThanOrEqual(0);
  expect(usage).toBeLessThan(64 * 1024 * 1024);
  await tree.ensure(NAMES, { cpuQuotaUs: -1, cpuPeriodUs: 100_000 });
  expect(await tree.limits(NAMES)).toMatchObject({ cpuQuotaUs: -1 });
  expect(await tree.limits([...NAMES, 'none'])).toBeUndefined();
});

it('lets the kernel hold a cgroup to its number of processes', async () => {
  await aCgroup({ pidsMax: 2 });
  const script = `echo $$ >${dir}/cgroup.procs; (sleep 1 & sleep 1 & sleep 1 & wait)`;
  const { stderr } = await tryCommand(['sh', '-c', script]);
  expect(stderr).toMatch(/fork|Resource temporarily unavailable/);
  expect(Number(/max (\d+)/.exec(read('pids.events'))?.[1])).toBeGreaterThan(0);
});

it('lets the kernel kill what takes more memory than there may be', async () => {
  await aCgroup({ memoryLimitBytes: 16 * 1024 * 1024 });
  const script = `echo $$ >${dir}/cgroup.procs; exec tail /dev/zero`;
  const { exitCode } = await tryCommand(['sh', '-c', script]);
  expect(exitCode).toBe(-1); // by a signal
  expect(Number(/^oom_kill (\d+)/m.exec(read('memory.events'))?.[1])).toBeGreaterThan(0);
});

it('hears of what the kernel kills without looking again and again', async () => {
  await aCgroup({ memoryLimitBytes: 16 * 1024 * 1024 });
  const [stop, kills] = [new AbortController(), [] as number[]];
  const watching = watchOomKills(
    { events: createCgroupEvents(2), clock: createSystemClock(), periodMs: 3_600_000 },
    cgroupPath(NAMES, 'cgroupfs'),
    (count) => kills.push(count),
    stop.signal,
  );
  const script = `echo $$ >${dir}/cgroup.procs; exec tail /dev/zero`;
  await tryCommand(['sh', '-c', script]);
  await expect.poll(() => kills).toEqual([1]);
  stop.abort();
  expect(await watching).toBe('aborted');
});

it('removes a cgroup with those below, once their processes are gone', async () => {
  const tree = await aCgroup({});
  await tree.ensure([...NAMES, 'container'], {});
  const sleeper = await startProcess({ argv: ['sleep', '100'], logFile: '/tmp/sleeper.log' });
  writeFileSync(join(dir, 'container/cgroup.procs'), String(sleeper.pid));
  await expect(tree.remove(NAMES)).rejects.toMatchObject({ code: 'EBUSY' });
  await sleeper.kill9();
  await tree.remove(NAMES);
  expect(existsSync(dir)).toBe(false);
});

it('kills what runs in a cgroup and below it', async () => {
  const tree = await aCgroup({});
  await tree.ensure([...NAMES, 'container'], {});
  const sleeper = await startProcess({ argv: ['sleep', '100'], logFile: '/tmp/killed.log' });
  writeFileSync(join(dir, 'container/cgroup.procs'), String(sleeper.pid));
  expect(await tree.children(NAMES)).toEqual(['container']);
  await tree.kill(NAMES);
  await tree.remove(NAMES);
  expect(existsSync(dir)).toBe(false);
});
