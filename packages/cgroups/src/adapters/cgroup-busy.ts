import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseMountinfo } from '@nodeagent/base';

import { cgroupMounts } from '../plan/cgroup-mounts.js';

/**
 * Reports whether a process is in a cgroup or below it, in any hierarchy.
 *
 * @returns false when there is no such cgroup
 */
export async function isBusy(path: string, mountpoint: string): Promise<boolean> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  const mounts = cgroupMounts(parseMountinfo(text), mountpoint);
  const roots = mounts.version === 2 ? [mountpoint] : mounts.hierarchies;
  for (const root of roots) if (await hasProcesses(join(root, path))) return true;
  return false;
}

async function hasProcesses(dir: string): Promise<boolean> {
  try {
    if ((await readFile(join(dir, 'cgroup.procs'), 'utf8')) !== '') return true;
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (entry.isDirectory() && (await hasProcesses(join(dir, entry.name)))) return true;
    }
    return false;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV') return false; // gone meanwhile
    throw error;
  }
}
