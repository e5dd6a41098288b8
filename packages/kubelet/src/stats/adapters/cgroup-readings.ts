import { closeSync, openSync, readlinkSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { parseV1, V1_BASIC, V1_MORE, type V1Texts } from '../codec/cgroup-v1.js';
import { parseV2, V2_BASIC, V2_MORE, type V2Texts } from '../codec/cgroup-v2.js';
import type { CgroupReadings } from '../ports.js';

export interface CgroupReadingsOptions {
  /** Where cgroups are mounted; `/sys/fs/cgroup` when absent. */
  readonly mountpoint?: string;
  readonly nowMs: () => number;
}

/** A cgroup's files are small, but for those that list processes. */
const BUFFER_BYTES = 64 * 1024;
/** Other work gets its turn after so many cgroups. */
const AT_A_TIME = 16;
/** There is only one such file in each hierarchy: in its root. */
const V2_MARK = 'cgroup.controllers';

/**
 * Reads with blocking calls: the kernel answers from memory, in about 4 µs a file, where a way
 * through the thread pool costs 50 µs of CPU.
 */
export function createCgroupReadings(options: CgroupReadingsOptions): CgroupReadings {
  const { mountpoint = '/sys/fs/cgroup', nowMs } = options;
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const text = (path: string): string | undefined => readText(path, buffer);
  const isV2 = text(join(mountpoint, V2_MARK)) !== undefined;
  const nameOf = createDeviceNames();
  const dirOf = (path: string): string => {
    return isV2 ? join(mountpoint, path) : join(mountpoint, 'memory', path);
  };
  let reads = 0;
  return {
    read: async (path, full) => {
      reads += 1;
      if (reads % AT_A_TIME === 0) await setImmediate();
      const how = { atMs: nowMs(), full, nameOf };
      return isV2
        ? parseV2(readV2(mountpoint, path, { full, text }), how)
        : parseV1(readV1(mountpoint, path, { full, text }), how);
    },
    processOf: async (path) => firstProcess(text(`${dirOf(path)}/cgroup.procs`)),
    changedAtMs: async (path) => statSync(dirOf(path), { throwIfNoEntry: false })?.mtimeMs,
  };
}

type Reading = Readonly<{ full: boolean; text: (path: string) => string | undefined }>;

function readV1(mountpoint: string, path: string, { full, text }: Reading): V1Texts {
  const texts: Partial<Record<string, string>> = {};
  for (const files of full ? [V1_BASIC, V1_MORE] : [V1_BASIC]) {
    for (const [file, controller] of Object.entries(files)) {
      const found = text(`${mountpoint}/${controller}${path}/${file}`);
      if (found !== undefined) texts[file] = found;
    }
  }
  return texts;
}

function readV2(mountpoint: string, path: string, { full, text }: Reading): V2Texts {
  const texts: Partial<Record<string, string>> = {};
  for (const files of full ? [V2_BASIC, V2_MORE] : [V2_BASIC]) {
    for (const file of files) {
      const found = text(`${mountpoint}${path}/${file}`);
      if (found !== undefined) texts[file] = found;
    }
  }
  const isRoot = texts['memory.current'] === undefined && texts['memory.stat'] !== undefined;
  const meminfo = isRoot ? text('/proc/meminfo') : undefined;
  return meminfo === undefined ? texts : { ...texts, meminfo };
}

/** Undefined for a file that is not there, goes while it is read, or says nothing to us. */
function readText(path: string, buffer: Buffer): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return unlessGone(error);
  }
  try {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    return buffer.toString('latin1', 0, length);
  } catch (error) {
    return unlessGone(error);
  } finally {
    closeSync(file);
  }
}

/** EOPNOTSUPP is a controller's answer where it has nothing to tell, as for pressure that is not accounted. */
const GONE = ['ENOENT', 'ENOTDIR', 'ENODEV', 'EOPNOTSUPP', 'EACCES', 'EPERM'];

function unlessGone(error: unknown): undefined {
  if (GONE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
}

function firstProcess(text: string | undefined): number | undefined {
  const pid = Number.parseInt(text ?? '', 10);
  return pid > 0 ? pid : undefined;
}

/** Names of block devices by their numbers; they keep both as long as they are there. */
function createDeviceNames(): (device: string) => string {
  const known = new Map<string, string>();
  return (device) => {
    let name = known.get(device);
    if (name === undefined) {
      name = blockDevice(device) ?? device;
      known.set(device, name);
    }
    return name;
  };
}

/** @param device `major:minor` */
export function blockDevice(device: string): string | undefined {
  try {
    return `/dev/${basename(readlinkSync(`/sys/dev/block/${device}`))}`;
  } catch (error) {
    return unlessGone(error);
  }
}
