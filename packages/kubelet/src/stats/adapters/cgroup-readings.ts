import { closeSync, openSync, readlinkSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import {
  type NameOf,
  parseV1,
  parseV1Limits,
  V1_BASIC,
  V1_LIMITS,
  V1_MORE,
  V1_THROTTLING,
  type V1Texts,
} from '../codec/cgroup-v1.js';
import {
  parseV2,
  parseV2Limits,
  V2_BASIC,
  V2_LIMITS,
  V2_MORE,
  type V2Texts,
} from '../codec/cgroup-v2.js';
import type { CgroupLimits, CgroupUsage } from '../model/usage.js';
import type { CgroupReadings } from '../ports.js';

export interface CgroupReadingsOptions {
  /** Where cgroups are mounted; `/sys/fs/cgroup` when absent. */
  readonly mountpoint?: string;
  readonly nowMs: () => number;
}

/** A cgroup's files are small, but for those that list processes. */
const BUFFER_BYTES = 64 * 1024;
/** A file of many lines comes in pieces of a page, cut between lines: a shorter piece is the last. */
const LEAST_PAGE_BYTES = 2048;
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
    read: async (path, how) => {
      reads += 1;
      if (reads % AT_A_TIME === 0) await setImmediate();
      const options = { ...how, atMs: nowMs(), nameOf, text };
      return isV2 ? readV2(mountpoint + path, options) : readV1(mountpoint, path, options);
    },
    processOf: async (path) => firstProcess(text(`${dirOf(path)}/cgroup.procs`)),
    changedAtMs: async (path) => statSync(dirOf(path), { throwIfNoEntry: false })?.mtimeMs,
  };
}

interface ReadOptions {
  readonly full: boolean;
  readonly limits: CgroupLimits | undefined;
  readonly atMs: number;
  readonly nameOf: NameOf;
  readonly text: (path: string) => string | undefined;
}

const V1_FILES = {
  basic: Object.entries(V1_BASIC),
  more: Object.entries(V1_MORE),
  limits: Object.entries(V1_LIMITS),
  throttling: Object.entries(V1_THROTTLING),
} as const;

function readV1(mountpoint: string, path: string, options: ReadOptions): CgroupUsage | undefined {
  const { full, text, atMs, nameOf } = options;
  const read = (groups: readonly (keyof typeof V1_FILES)[]): V1Texts => {
    const texts: Partial<Record<string, string>> = {};
    for (const group of groups) {
      for (const [file, controller] of V1_FILES[group]) {
        const found = text(`${mountpoint}/${controller}${path}/${file}`);
        if (found !== undefined) texts[file] = found;
      }
    }
    return texts;
  };
  const limits = options.limits ?? parseV1Limits(read(['limits']));
  const isLimited = full && limits.cpuQuotaUs !== undefined;
  const groups = ['basic', full && 'more', isLimited && 'throttling'] as const;
  return parseV1(read(groups.filter((group) => group !== false)), { atMs, limits, nameOf });
}

function readV2(dir: string, options: ReadOptions): CgroupUsage | undefined {
  const { full, text, atMs, nameOf } = options;
  const read = (...groups: readonly (readonly string[])[]): V2Texts => {
    const texts: Partial<Record<string, string>> = {};
    for (const files of groups) {
      for (const file of files) {
        const found = text(`${dir}/${file}`);
        if (found !== undefined) texts[file] = found;
      }
    }
    return texts;
  };
  const limits = options.limits ?? parseV2Limits(read(V2_LIMITS));
  const texts = full ? read(V2_BASIC, V2_MORE) : read(V2_BASIC);
  const isRoot = texts['memory.current'] === undefined && texts['memory.stat'] !== undefined;
  const meminfo = isRoot ? text('/proc/meminfo') : undefined;
  const all = meminfo === undefined ? texts : { ...texts, meminfo };
  return parseV2(all, { atMs, limits, nameOf });
}

/** Undefined for a file that is not there, goes while it is read, or says nothing to us. */
export function readText(path: string, buffer: Buffer): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return unlessGone(error);
  }
  try {
    let [length, more] = [0, 0];
    do {
      more = readSync(file, buffer, length, buffer.length - length, null);
      length += more;
    } while (more > LEAST_PAGE_BYTES && length < buffer.length);
    return buffer.toString('latin1', 0, length);
  } catch (error) {
    return unlessGone(error);
  } finally {
    closeSync(file);
  }
}

/**
 * ESRCH and EINVAL: of a process that has ended; EOPNOTSUPP: a controller has nothing to tell, as of
 * pressure that is not accounted.
 */
const GONE = ['ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH', 'EINVAL', 'EOPNOTSUPP', 'EACCES', 'EPERM'];

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
