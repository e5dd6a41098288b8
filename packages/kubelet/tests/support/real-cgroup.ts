import { mkdirSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startProcess, waitFor } from '@nodeagent/testbed';

import { createCgroupTree, hasCgroupV2 } from '../../src/resources/adapters/cgroup-tree.js';
import { createCgroupReadings } from '../../src/stats/adapters/cgroup-readings.js';
import { BUSY_LIMITS, type BusyCgroup } from './cgroup-readings-contract.js';

const MOUNTPOINT = '/sys/fs/cgroup';
let serial = 0;

/** On this machine's kernel, whichever version of cgroups it has mounted. */
export async function realCgroup(): Promise<BusyCgroup> {
  serial += 1;
  const names = [`readings-${process.pid}`, `busy-${serial}`];
  const tree = await createCgroupTree('cgroupfs');
  const { memoryBytes, ...cpu } = BUSY_LIMITS;
  await tree.ensure(names, { ...cpu, memoryLimitBytes: memoryBytes });
  const path = `/${names.join('/')}`;
  const moved = join(tmpdir(), `moved-${process.pid}-${serial}`);
  const loop = await startProcess({
    // its memory counts where it takes it: anew once it is there
    argv: ['sh', '-c', `until [ -e ${moved} ]; do :; done; exec sh -c 'while :; do :; done'`],
    logFile: `${moved}.log`,
  });
  const controllers = (await hasCgroupV2()) ? [''] : ['cpu', 'cpuacct', 'memory', 'pids'];
  for (const controller of controllers) {
    const dir = join(MOUNTPOINT, controller, path);
    mkdirSync(dir, { recursive: true }); // a runtime makes it where the kubelet has no need of it
    writeFileSync(join(dir, 'cgroup.procs'), String(loop.pid));
  }
  await writeFile(moved, '');
  const readings = createCgroupReadings({ nowMs: Date.now });
  const used = async () => {
    const found = await readings.read(path, { full: true, limits: undefined });
    const { usageNs = 0, throttling } = found?.cpu ?? {};
    return { usageNs, periods: throttling?.periods ?? 0, rss: found?.memory?.rssBytes ?? 0 };
  };
  const isBusy = async () => {
    const { periods, rss } = await used();
    return periods > 0 && rss > 0;
  };
  await waitFor(isBusy, { what: 'the process to burn' });
  return {
    ...{ readings, path },
    pid: loop.pid,
    burn: async () => {
      const { usageNs } = await used();
      await waitFor(async () => (await used()).usageNs > usageNs, { what: 'CPU to be used' });
    },
    remove: async () => {
      await loop.kill9();
      await rm(moved);
      await rm(`${moved}.log`, { force: true });
      await tree.remove([names[0]!]);
    },
  };
}
