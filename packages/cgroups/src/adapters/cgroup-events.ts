import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';

import { readKernelText, unlessKernelGone } from '@nodeagent/base/files';

import { keyedValue } from '../codec/cgroup-text.js';
import type { CgroupEvents } from '../ports.js';

const BUFFER_BYTES = 4096;

/**
 * Events of the kernel's cgroups.
 *
 * @see Linux Documentation/admin-guide/cgroup-v2.rst: `memory.events`, file modified events;
 *   Documentation/admin-guide/cgroup-v1/memory.rst: `memory.oom_control`
 */
export function createCgroupEvents(version: 1 | 2, mountpoint = '/sys/fs/cgroup'): CgroupEvents {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const fileOf = (path: string): string =>
    version === 2
      ? join(mountpoint, path, 'memory.events')
      : join(mountpoint, 'memory', path, 'memory.oom_control');
  return {
    oomKills: async (path) => keyedValue(readKernelText(fileOf(path), buffer), 'oom_kill'),
    onMemoryEvent: (path, listener) => {
      const watcher = version === 2 ? watched(fileOf(path), listener) : undefined;
      return () => watcher?.close();
    },
  };
}

/** @returns undefined where there is no such file */
function watched(file: string, listener: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(file, { persistent: false }, listener);
    // it is gone: whoever is called looks again, and sees that
    return watcher.on('error', listener);
  } catch (error) {
    unlessKernelGone(error);
    return undefined;
  }
}
