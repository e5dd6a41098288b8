import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseCpuList, type RuntimeMachine } from '../plan/machine.js';

const THROTTLE = 'thermal_throttle';

/**
 * The facts about this machine that container configurations depend on. They do not change while
 * the kubelet runs.
 */
export async function readRuntimeMachine(root = '/'): Promise<RuntimeMachine> {
  const path = (...parts: readonly string[]): string => join(root, ...parts);
  const exists = (file: string): Promise<boolean> =>
    access(file).then(
      () => true,
      () => false,
    );
  const text = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const cpus = path('sys/devices/system/cpu');
  const throttles = parseCpuList(await text(join(cpus, 'possible'))).map(async (cpu) => {
    const folder = join(cpus, `cpu${cpu}`, THROTTLE);
    return (await exists(folder)) ? [`/sys/devices/system/cpu/cpu${cpu}/${THROTTLE}`] : [];
  });
  const pages = await readdir(path('sys/kernel/mm/hugepages')).catch(() => []);
  const ownV2 = /^0::(.*)$/m.exec(await text(path('proc/self/cgroup')))?.[1] ?? '/';
  const swapKib = /^SwapTotal:\s+(\d+) kB$/m.exec(await text(path('proc/meminfo')))?.[1];
  return {
    hugepageKib: pages
      .flatMap((name) => /^hugepages-(\d+)kB$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b),
    maskedPaths: (await Promise.all(throttles)).flat(),
    selinux: await exists(path('sys/fs/selinux/enforce')),
    swapBytes: Number(swapKib ?? 0) * 1024,
    limitsSwap: {
      v1: await exists(path('sys/fs/cgroup/memory/memory.memsw.limit_in_bytes')),
      v2: await exists(path('sys/fs/cgroup', ownV2, 'memory.swap.max')),
    },
  };
}
