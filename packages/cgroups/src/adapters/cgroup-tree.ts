import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { parseMountinfo } from '@nodeagent/base';

import { CgroupError } from '../model/errors.js';
import type { CgroupValues } from '../model/limits.js';
import {
  ACCOUNTING_CONTROLLERS,
  CGROUP_CONTROLLERS,
  type CgroupMounts,
  cgroupMounts,
  missingControllers,
} from '../plan/cgroup-mounts.js';
import { type CgroupDriver, cgroupPath } from '../plan/cgroup-path.js';
import { sharesToWeight, weightToShares } from '../plan/cpu-amounts.js';
import type { CgroupTree } from '../ports.js';
import { writeHugepageLimits } from './hugepage-limits.js';

const AVAILABLE_CONTROLLERS = 'cgroup.controllers';

/**
 * The kernel's cgroups: version 2 where it is mounted at the mount point, else version 1 below it.
 *
 * @param mountpoint `/sys/fs/cgroup` when absent
 */
export async function createCgroupTree(
  driver: CgroupDriver,
  mountpoint = '/sys/fs/cgroup',
): Promise<CgroupTree> {
  const mounts = await readMounts(mountpoint);
  return mounts.version === 2
    ? createV2(driver, mountpoint)
    : createV1(driver, () => readMounts(mountpoint), mounts);
}

/** True where version 2 is mounted in the usual place. */
export async function hasCgroupV2(mountpoint = '/sys/fs/cgroup'): Promise<boolean> {
  return (await readMounts(mountpoint)).version === 2;
}

async function readMounts(mountpoint: string): Promise<CgroupMounts> {
  return cgroupMounts(parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')), mountpoint);
}

type V1Mounts = Extract<CgroupMounts, { version: 1 }>;

function createV1(
  driver: CgroupDriver,
  read: () => Promise<CgroupMounts>,
  found: V1Mounts,
): CgroupTree {
  let mounts = found;
  /** @throws {CgroupError} when a controller that is needed is not mounted, now that we look again */
  const checkControllers = async (): Promise<void> => {
    if (missingControllers(mounts).length === 0) return;
    const now = await read();
    if (now.version === 1) mounts = now;
    const missing = missingControllers(mounts);
    if (missing.length === 0) return;
    const message = `cgroup controllers are not mounted: ${missing.join(' ')}`;
    throw new CgroupError('CGROUP_NOT_MOUNTED', message, missing);
  };
  /** @returns undefined where the controller is not mounted */
  const place = (controller: string, path: string): string | undefined => {
    const root = mounts.controllers.get(controller);
    return root === undefined ? undefined : join(root, path);
  };
  return {
    ensure: async (names, values) => {
      await checkControllers();
      const path = cgroupPath(names, driver);
      const made = CGROUP_CONTROLLERS.map(async (controller) => {
        const root = mounts.controllers.get(controller);
        if (root === undefined) return;
        if (controller === 'cpuset') await makeCpuset(root, path);
        else await makeLast(join(root, path));
      });
      await Promise.all(made);
      const cpu = place('cpu', path);
      await writeValue(cpu, 'cpu.shares', values.cpuShares);
      await writeValue(cpu, 'cpu.cfs_period_us', values.cpuPeriodUs);
      await writeValue(cpu, 'cpu.cfs_quota_us', values.cpuQuotaUs);
      await writeValue(place('memory', path), 'memory.limit_in_bytes', values.memoryLimitBytes);
      await writeValue(place('pids', path), 'pids.max', orMax(values.pidsMax));
      const hugepages = place('hugetlb', path);
      if (hugepages !== undefined) writeHugepageLimits(hugepages, values.hugepageBytes ?? {}, 1);
    },
    limits: async (names) => {
      const path = cgroupPath(names, driver);
      const [cpu, memory] = [place('cpu', path), place('memory', path)];
      if (cpu === undefined || memory === undefined) return undefined;
      const cpuShares = settingOf(cpu, 'cpu.shares');
      const cpuPeriodUs = settingOf(cpu, 'cpu.cfs_period_us');
      const cpuQuotaUs = settingOf(cpu, 'cpu.cfs_quota_us');
      const bytes = settingOf(memory, 'memory.limit_in_bytes');
      const pids = place('pids', path);
      const pidsMax = pids === undefined ? undefined : settingOf(pids, 'pids.max');
      if (cpuShares === undefined || bytes === undefined) return undefined;
      return {
        ...{ cpuShares, memoryLimitBytes: bytes >= V1_UNLIMITED ? -1 : bytes },
        ...(cpuPeriodUs !== undefined && { cpuPeriodUs }),
        ...(cpuQuotaUs !== undefined && { cpuQuotaUs }),
        ...(pidsMax !== undefined && { pidsMax }),
      };
    },
    memoryUsage: async (names) => {
      const memory = place('memory', cgroupPath(names, driver));
      return memory === undefined ? undefined : readNumber(memory, 'memory.usage_in_bytes');
    },
    children: async (names) => {
      const path = cgroupPath(names, driver);
      const used = CGROUP_CONTROLLERS.flatMap((controller) => place(controller, path) ?? []);
      const seen = await Promise.all(used.map((dir) => below(dir)));
      return [...new Set(seen.flat())];
    },
    add: async (names, pid) => {
      const path = cgroupPath(names, driver);
      const limiting = CGROUP_CONTROLLERS.flatMap((controller) => place(controller, path) ?? []);
      for (const dir of new Set(limiting)) await putInto(dir, pid);
      for (const controller of ACCOUNTING_CONTROLLERS) {
        const dir = place(controller, path);
        if (dir === undefined || limiting.includes(dir)) continue;
        await makeLast(dir);
        await putInto(dir, pid);
      }
    },
    // In all hierarchies: others make a cgroup of that name in those that we do not use, too.
    kill: async (names) => {
      const path = cgroupPath(names, driver);
      for (const dir of mounts.hierarchies) await killTree(join(dir, path));
    },
    remove: async (names) => {
      const path = cgroupPath(names, driver);
      for (const dir of mounts.hierarchies) await removeTree(join(dir, path));
    },
  };
}

/**
 * Those above are there, nearly always: it takes one call then, for each of the dozen hierarchies that
 * version 1 may have.
 */
async function makeLast(dir: string): Promise<'new' | 'there'> {
  try {
    await mkdir(dir);
    return 'new';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return 'there';
    if (code !== 'ENOENT') throw error;
    await mkdir(dir, { recursive: true });
    return 'new';
  }
}

const CPUSET_FILES = ['cpuset.cpus', 'cpuset.mems'] as const;

/**
 * A new cpuset has no CPUs and no memory nodes, and nothing can run in it until it is given some,
 * unless its parents are set to pass theirs on, and this one too (cgroups(7): `cgroup.clone_children`).
 * They are when they were made here; a dozen calls less for each cgroup.
 */
async function makeCpuset(root: string, path: string): Promise<void> {
  const dir = join(root, path);
  const above = dirname(dir);
  const isNew = (await makeLast(dir)) === 'new';
  if (isNew && readSetting(above, 'cgroup.clone_children') === '1') return;
  await inheritCpusets(root, path);
}

/** From the top down, each from the one above it. */
async function inheritCpusets(root: string, path: string): Promise<void> {
  let dir = root;
  for (const part of path.split('/').filter((name) => name !== '')) {
    const above = dir;
    dir = join(dir, part);
    for (const file of CPUSET_FILES) {
      const own = (await readFile(join(dir, file), 'utf8')).trim();
      if (own === '') await writeFile(join(dir, file), await readFile(join(above, file), 'utf8'));
    }
    await writeFile(join(dir, 'cgroup.clone_children'), '1');
  }
}

function createV2(driver: CgroupDriver, mountpoint: string): CgroupTree {
  return {
    ensure: async (names, values) => {
      const path = cgroupPath(names, driver);
      const dir = join(mountpoint, path);
      await makeLast(dir);
      if ((await delegate(dirname(dir))) === 'incomplete') await delegateAll(mountpoint, path);
      await writeV2(dir, values);
    },
    limits: async (names) => {
      const dir = join(mountpoint, cgroupPath(names, driver));
      const weight = settingOf(dir, 'cpu.weight');
      const max = settingText(dir, 'cpu.max');
      const memoryLimitBytes = settingOf(dir, 'memory.max');
      const memoryMinBytes = settingOf(dir, 'memory.min');
      const memoryLowBytes = settingOf(dir, 'memory.low');
      const pidsMax = settingOf(dir, 'pids.max');
      if (weight === undefined || max === undefined || memoryLimitBytes === undefined) {
        return undefined;
      }
      const [quota = 'max', period = ''] = max.split(' ');
      return {
        ...{ cpuShares: weightToShares(weight), memoryLimitBytes },
        ...{ cpuQuotaUs: numberOf(quota), cpuPeriodUs: numberOf(period) },
        ...(memoryMinBytes !== undefined && { memoryMinBytes }),
        ...(memoryLowBytes !== undefined && { memoryLowBytes }),
        ...(pidsMax !== undefined && { pidsMax }),
      };
    },
    memoryUsage: (names) =>
      readNumber(join(mountpoint, cgroupPath(names, driver)), 'memory.current'),
    add: (names, pid) => putInto(join(mountpoint, cgroupPath(names, driver)), pid),
    children: (names) => below(join(mountpoint, cgroupPath(names, driver))),
    kill: (names) => killTree(join(mountpoint, cgroupPath(names, driver))),
    remove: (names) => removeTree(join(mountpoint, cgroupPath(names, driver))),
  };
}

async function writeV2(dir: string, values: CgroupValues): Promise<void> {
  const { cpuShares, cpuPeriodUs, cpuQuotaUs, memoryLimitBytes, pidsMax } = values;
  await writeValue(
    dir,
    'cpu.weight',
    cpuShares === undefined ? undefined : sharesToWeight(cpuShares),
  );
  if (cpuQuotaUs !== undefined) {
    const quota = cpuQuotaUs < 0 ? 'max' : String(cpuQuotaUs);
    await writeValue(dir, 'cpu.max', `${quota} ${cpuPeriodUs ?? 100_000}`);
  }
  await writeValue(dir, 'memory.max', orMax(memoryLimitBytes));
  await writeValue(dir, 'memory.min', orMax(values.memoryMinBytes));
  await writeValue(dir, 'memory.low', orMax(values.memoryLowBytes));
  await writeValue(dir, 'pids.max', orMax(pidsMax));
  writeHugepageLimits(dir, values.hugepageBytes ?? {}, 2);
}

/** Without limit is `max` where -1 is none: in files of version 2, and in all of `pids`. */
function orMax(value: number | undefined): number | string | undefined {
  return value !== undefined && value < 0 ? 'max' : value;
}

/** From the top down: what one has depends on the one above it. */
async function delegateAll(mountpoint: string, path: string): Promise<void> {
  let dir = mountpoint;
  for (const part of path.split('/').filter((name) => name !== '')) {
    await delegate(dir);
    dir = join(dir, part);
  }
}

/**
 * Lets the cgroups below have the controllers that this one has and that we use.
 *
 * @returns whether it has all that we use
 */
async function delegate(dir: string): Promise<'complete' | 'incomplete'> {
  const available = readSetting(dir, AVAILABLE_CONTROLLERS).split(' ');
  const wanted = CGROUP_CONTROLLERS.filter((controller) => available.includes(controller));
  const enabled = readSetting(dir, 'cgroup.subtree_control').split(' ');
  const missing = wanted.filter((controller) => !enabled.includes(controller));
  if (missing.length > 0) {
    const text = missing.map((controller) => `+${controller}`).join(' ');
    await writeFile(join(dir, 'cgroup.subtree_control'), text);
  }
  return wanted.length === CGROUP_CONTROLLERS.length ? 'complete' : 'incomplete';
}

async function writeValue(
  dir: string | undefined,
  file: string,
  value: number | string | undefined,
): Promise<void> {
  if (dir === undefined || value === undefined) return;
  // The kernel may look for memory to take back first, for seconds.
  if (file.startsWith('memory.')) await writeFile(join(dir, file), String(value));
  else writeFileSync(join(dir, file), String(value));
}

/**
 * At once, as what it takes to hand these few microseconds of work to another thread and back is a
 * multiple of it: they are numbers in the kernel's memory. Not so making and removing cgroups, which
 * waits for a lock of all of them.
 */
function readSetting(dir: string, file: string): string {
  return readFileSync(join(dir, file), 'utf8').trim();
}

/** @returns undefined when there is no such cgroup, or no such controller */
function settingText(dir: string, file: string): string | undefined {
  try {
    return readSetting(dir, file);
  } catch (error) {
    gone(error);
    return undefined;
  }
}

function settingOf(dir: string, file: string): number | undefined {
  const text = settingText(dir, file);
  return text === undefined ? undefined : numberOf(text);
}

async function below(dir: string): Promise<readonly string[]> {
  const entries = (await readdir(dir, { withFileTypes: true }).catch(gone)) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function putInto(dir: string, pid: number): Promise<void> {
  return writeFile(join(dir, 'cgroup.procs'), String(pid));
}

/** Twice over: a process may have made another before its end. */
async function killTree(dir: string): Promise<void> {
  for (const name of await below(dir)) await killTree(join(dir, name));
  for (let round = 0; round < 2; round += 1) {
    const text = (await readFile(join(dir, 'cgroup.procs'), 'utf8').catch(gone)) ?? '';
    const pids = text.split('\n').map(Number);
    for (const pid of pids.filter((each) => each > 0)) killOne(pid);
  }
}

/** Version 1 shows no limit as the largest number that is a multiple of a page. */
const V1_UNLIMITED = 2 ** 62;

async function readNumber(dir: string, file: string): Promise<number | undefined> {
  const text = await readFile(join(dir, file), 'utf8').catch(gone);
  return text === undefined ? undefined : numberOf(text.trim());
}

/** `max` is -1. */
function numberOf(text: string): number {
  return text === 'max' ? -1 : Number(text);
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A cgroup's files cannot be removed, and need not be. */
async function removeTree(dir: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(gone);
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(dir, entry.name));
  await removeEmptied(dir);
}

const BUSY_TRIES = 50;
const BUSY_WAIT_MS = 10;

/** The kernel lets go of a cgroup a moment after its last process: EBUSY until then. */
async function removeEmptied(dir: string): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await rmdir(dir);
      return;
    } catch (error) {
      const busy = (error as NodeJS.ErrnoException).code === 'EBUSY';
      if (!busy || tried === BUSY_TRIES) {
        gone(error);
        return;
      }
      await sleep(BUSY_WAIT_MS);
    }
  }
}

function gone(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENODEV') return undefined;
  throw error;
}
