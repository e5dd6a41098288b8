import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { cgroupPath, type CgroupDriver } from '../plan/cgroup-names.js';
import { type CgroupValues, sharesToWeight, weightToShares } from '../plan/cgroup-values.js';
import type { CgroupTree } from '../ports.js';

/** cgroup2's magic number in statfs is not told by Node: this file exists in its root only. */
const V2_MARK = 'cgroup.controllers';
const V1_CONTROLLERS = ['cpu', 'memory', 'pids', 'cpuset', 'hugetlb'] as const;

/** The tree at `/sys/fs/cgroup`, version 2 when mounted there, else version 1. */
export async function createCgroupTree(
  driver: CgroupDriver,
  mountpoint = '/sys/fs/cgroup',
): Promise<CgroupTree> {
  return (await exists(join(mountpoint, V2_MARK)))
    ? createV2(driver, mountpoint)
    : createV1(driver, mountpoint);
}

/** True where version 2 is mounted in the usual place. */
export async function hasCgroupV2(mountpoint = '/sys/fs/cgroup'): Promise<boolean> {
  return exists(join(mountpoint, V2_MARK));
}

function createV1(driver: CgroupDriver, mountpoint: string): CgroupTree {
  const mounted = V1_CONTROLLERS.map(async (controller) => {
    return (await exists(join(mountpoint, controller))) ? [controller] : [];
  });
  const controllers = Promise.all(mounted).then((found) => found.flat());
  /** All of them: the runtime makes the pod's cgroup in those that we do not use, too. */
  const hierarchies = async (): Promise<readonly string[]> => {
    const all = await readdir(mountpoint, { withFileTypes: true });
    return all.filter((entry) => entry.isDirectory()).map(({ name }) => join(mountpoint, name));
  };
  return {
    ensure: async (names, values) => {
      const path = cgroupPath(names, driver);
      const made = (await controllers).map(async (controller) => {
        const root = join(mountpoint, controller);
        if (controller === 'cpuset') await makeCpuset(root, path);
        else await makeLast(join(root, path));
      });
      await Promise.all(made);
      const cpu = join(mountpoint, 'cpu', path);
      await writeValue(cpu, 'cpu.shares', values.cpuShares);
      await writeValue(cpu, 'cpu.cfs_period_us', values.cpuPeriodUs);
      await writeValue(cpu, 'cpu.cfs_quota_us', values.cpuQuotaUs);
      const memory = join(mountpoint, 'memory', path);
      await writeValue(memory, 'memory.limit_in_bytes', values.memoryLimitBytes);
      await writeValue(join(mountpoint, 'pids', path), 'pids.max', values.pidsMax);
    },
    limits: async (names) => {
      const path = cgroupPath(names, driver);
      const [cpu, memory] = [join(mountpoint, 'cpu', path), join(mountpoint, 'memory', path)];
      const cpuShares = await readNumber(cpu, 'cpu.shares');
      const cpuPeriodUs = await readNumber(cpu, 'cpu.cfs_period_us');
      const cpuQuotaUs = await readNumber(cpu, 'cpu.cfs_quota_us');
      const bytes = await readNumber(memory, 'memory.limit_in_bytes');
      if (cpuShares === undefined || bytes === undefined) return undefined;
      return {
        ...{ cpuShares, memoryLimitBytes: bytes >= V1_UNLIMITED ? -1 : bytes },
        ...(cpuPeriodUs !== undefined && { cpuPeriodUs }),
        ...(cpuQuotaUs !== undefined && { cpuQuotaUs }),
      };
    },
    memoryUsage: (names) =>
      readNumber(join(mountpoint, 'memory', cgroupPath(names, driver)), 'memory.usage_in_bytes'),
    children: async (names) => {
      const path = cgroupPath(names, driver);
      const used = (await controllers).map((controller) => join(mountpoint, controller, path));
      const found = await Promise.all(used.map((dir) => below(dir)));
      return [...new Set(found.flat())];
    },
    kill: async (names) => {
      const path = cgroupPath(names, driver);
      for (const dir of await hierarchies()) await killTree(join(dir, path));
    },
    remove: async (names) => {
      const path = cgroupPath(names, driver);
      for (const dir of await hierarchies()) await removeTree(join(dir, path));
    },
  };
}

/**
 * Those above are there, nearly always: it takes one call then, for each of a dozen cgroups that a pod
 * has in version 1.
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
 * unless those above it are told to pass theirs on, and this too (cgroups(7): `cgroup.clone_children`).
 * They are when they were made here; a dozen calls less for each pod.
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
      const weight = await readNumber(dir, 'cpu.weight');
      const max = await readText(dir, 'cpu.max');
      const memoryLimitBytes = await readNumber(dir, 'memory.max');
      if (weight === undefined || max === undefined || memoryLimitBytes === undefined) {
        return undefined;
      }
      const [quota = 'max', period = ''] = max.split(' ');
      return {
        ...{ cpuShares: weightToShares(weight), memoryLimitBytes },
        ...{ cpuQuotaUs: numberOf(quota), cpuPeriodUs: numberOf(period) },
      };
    },
    memoryUsage: (names) =>
      readNumber(join(mountpoint, cgroupPath(names, driver)), 'memory.current'),
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
  await writeValue(dir, 'memory.max', memoryLimitBytes);
  await writeValue(dir, 'pids.max', pidsMax);
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
  const available = readSetting(dir, V2_MARK).split(' ');
  const wanted = V1_CONTROLLERS.filter((controller) => available.includes(controller));
  const enabled = readSetting(dir, 'cgroup.subtree_control').split(' ');
  const missing = wanted.filter((controller) => !enabled.includes(controller));
  if (missing.length > 0) {
    const text = missing.map((controller) => `+${controller}`).join(' ');
    await writeFile(join(dir, 'cgroup.subtree_control'), text);
  }
  return wanted.length === V1_CONTROLLERS.length ? 'complete' : 'incomplete';
}

async function writeValue(
  dir: string,
  file: string,
  value: number | string | undefined,
): Promise<void> {
  if (value === undefined) return;
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

async function below(dir: string): Promise<readonly string[]> {
  const entries = (await readdir(dir, { withFileTypes: true }).catch(gone)) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
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

/** No limit is told as the largest number that is a multiple of a page. */
const V1_UNLIMITED = 2 ** 62;

async function readText(dir: string, file: string): Promise<string | undefined> {
  return (await readFile(join(dir, file), 'utf8').catch(gone))?.trim();
}

async function readNumber(dir: string, file: string): Promise<number | undefined> {
  const text = await readText(dir, file);
  return text === undefined ? undefined : numberOf(text);
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
      if (!busy || tried === BUSY_TRIES) return gone(error);
      await sleep(BUSY_WAIT_MS);
    }
  }
}

function gone(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENODEV') return undefined;
  throw error;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
