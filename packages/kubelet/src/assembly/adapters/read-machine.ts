import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname, release, totalmem } from 'node:os';

import { hasCgroupV2 } from '@nodeagent/cgroups/linux';

import { parseCpuSet } from '../../config/index.js';
import { readRuntimeMachine } from '../../runtime/adapters/machine.js';
import { readSubIds } from '../../runtime/adapters/user-namespace-files.js';
import { readContainerLabels } from '../../selinux/adapters/container-labels.js';
import type { NodeMachine } from '../model/machine.js';
import { parseSwaps } from '../plan/parse-swaps.js';

/** Facts about this machine, read once. */
export async function readMachine(): Promise<NodeMachine> {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return {
    hostName: hostname(),
    cpuCount: availableParallelism(),
    onlineCpus: await readOnlineCpus(),
    memoryBytes: totalmem(),
    swapAreas: await readSwapAreas(),
    kernel: [major, minor],
    cgroupVersion: (await hasCgroupV2()) ? 2 : 1,
    appArmor: await hasAppArmor(),
    runtime: await readRuntimeMachine(),
    selinux: await readContainerLabels(),
    subIds: await readSubIds(),
  };
}

/** @see Linux Documentation/admin-guide/cputopology.rst */
async function readOnlineCpus(): Promise<ReadonlySet<number>> {
  const text = await readFile('/sys/devices/system/cpu/online', 'utf8');
  return parseCpuSet(text.trim()) ?? new Set();
}

/** A kernel without swap has no such file. @see proc_swaps(5) */
async function readSwapAreas(): Promise<readonly string[]> {
  try {
    return parseSwaps(await readFile('/proc/swaps', 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** @see Linux security/apparmor/lsm.c, parameter "enabled" */
async function hasAppArmor(): Promise<boolean> {
  try {
    const text = await readFile('/sys/module/apparmor/parameters/enabled', 'utf8');
    return text.startsWith('Y');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
