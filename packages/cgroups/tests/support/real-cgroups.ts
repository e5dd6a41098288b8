import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startProcess, waitFor } from '@nodeagent/testbed';

import type { Cgroups } from '../../src/index.js';
import { openCgroups } from '../../src/linux.js';
import type { BusyProcess, CgroupScene } from './cgroups-contract.js';

let serial = 0;

/**
 * This machine's kernel, whichever version of cgroups it has mounted.
 *
 * @param given cgroups of this machine; those in the file system when absent
 */
export async function realCgroups(given?: Cgroups): Promise<CgroupScene> {
  const cgroups = given ?? (await openCgroups());
  return {
    cgroups,
    top: `contract-${process.pid}`,
    start: (names) => startBusy(cgroups, names),
    exhaust: (names) => exhaust(cgroups, names),
  };
}

async function startBusy(cgroups: Cgroups, names: readonly string[]): Promise<BusyProcess> {
  serial += 1;
  const moved = join(tmpdir(), `moved-${process.pid}-${serial}`);
  const loop = await startProcess({
    // its memory counts where it takes it: anew once it is there
    argv: ['sh', '-c', `until [ -e ${moved} ]; do :; done; exec sh -c 'while :; do :; done'`],
    logFile: `${moved}.log`,
  });
  await cgroups.tree.add(names, loop.pid);
  await writeFile(moved, '');
  const path = cgroups.pathOf(names);
  const used = async () => {
    const found = await cgroups.readings.read(path, { full: true, limits: undefined });
    const { usageNs = 0, throttling } = found?.cpu ?? {};
    return { usageNs, periods: throttling?.periods ?? 0, rss: found?.memory?.rssBytes ?? 0 };
  };
  const isBusy = async () => {
    const { periods, rss } = await used();
    return periods > 0 && rss > 0;
  };
  await waitFor(isBusy, { what: 'the process to burn' });
  return {
    pid: loop.pid,
    burn: async () => {
      const { usageNs } = await used();
      await waitFor(async () => (await used()).usageNs > usageNs, { what: 'CPU to be used' });
    },
    end: async () => {
      await loop.kill9();
      await rm(moved);
      await rm(`${moved}.log`, { force: true });
    },
  };
}

/** The process waits for a line before it takes memory: it counts in the cgroup that it is in then. */
async function exhaust(cgroups: Cgroups, names: readonly string[]): Promise<void> {
  const script = 'read line; exec tail /dev/zero';
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = once(child, 'exit');
  await cgroups.tree.add(names, child.pid ?? 0);
  child.stdin.end('go\n');
  await ended;
}
