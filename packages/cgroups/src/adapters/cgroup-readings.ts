import { readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { readKernelText, unlessKernelGone } from '@nodeagent/base/files';

import {
  type NameOf,
  parseV1,
  parseV1Limits,
  parseV1WorkingSet,
  V1_BASIC,
  V1_LIMITS,
  V1_MORE,
  V1_THROTTLING,
} from '../codec/cgroup-v1.js';
import {
  parseV2,
  parseV2Limits,
  parseV2WorkingSet,
  V2_BASIC,
  V2_LIMITS,
  V2_MORE,
} from '../codec/cgroup-v2.js';
import type { CgroupUsage, LimitFigures } from '../model/usage.js';
import type { CgroupReadings } from '../ports.js';
import { KeptFiles } from './kept-files.js';

/** The place of the cgroup file systems, and the clock that dates the readings. */
export interface CgroupReadingsOptions {
  /** Where cgroups are mounted; `/sys/fs/cgroup` when absent. */
  readonly mountpoint?: string;
  /** The wall clock, which stamps what is read: milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** A cgroup's files are small, but for those that list processes. */
const BUFFER_BYTES = 64 * 1024;
/** That stay open between readings: enough for some 600 cgroups. */
const MOST_OPEN = 8192;
/** Other work gets its turn after so many cgroups. */
const AT_A_TIME = 16;
/** There is only one such file in each hierarchy: in its root. */
const V2_MARK = 'cgroup.controllers';

/**
 * The kernel's figures of cgroups, of either version.
 *
 * Reads with blocking calls: the kernel answers from memory, in about 4 µs a file, where a way
 * through the thread pool costs 50 µs of CPU.
 */
export function createCgroupReadings(options: CgroupReadingsOptions): CgroupReadings {
  const { mountpoint = '/sys/fs/cgroup', nowMs } = options;
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const text = (path: string): string | undefined => readKernelText(path, buffer);
  const isV2 = text(join(mountpoint, V2_MARK)) !== undefined;
  const dirOf = (path: string): string => {
    return isV2 ? join(mountpoint, path) : join(mountpoint, 'memory', path);
  };
  const mostOpen = mostOpenFiles(text('/proc/self/limits'));
  const source = { mountpoint, nameOf: createDeviceNames(), text, buffer, mostOpen };
  const reader = isV2 ? createV2Reader(source) : createV1Reader(source);
  let reads = 0;
  return {
    read: async (path, how) => {
      reads += 1;
      if (reads % AT_A_TIME === 0) await setImmediate();
      return reader.read(path, { ...how, atMs: nowMs() });
    },
    workingSetBytes: async (path) => reader.workingSetBytes(path),
    processOf: async (path) => firstProcess(text(`${dirOf(path)}/cgroup.procs`)),
    changedAtMs: async (path) => statSync(dirOf(path), { throwIfNoEntry: false })?.mtimeMs,
  };
}

interface ReadOptions {
  readonly full: boolean;
  readonly limits: LimitFigures | undefined;
  readonly atMs: number;
}

interface Source {
  readonly mountpoint: string;
  readonly nameOf: NameOf;
  readonly text: (path: string) => string | undefined;
  readonly buffer: Buffer;
  readonly mostOpen: number;
}

interface Reader {
  read(path: string, options: ReadOptions): CgroupUsage | undefined;
  workingSetBytes(path: string): number | undefined;
}

const V1_KEPT = Object.entries({ ...V1_BASIC, ...V1_MORE, ...V1_THROTTLING });
const V1_BASIC_COUNT = Object.keys(V1_BASIC).length;
const V1_FULL_COUNT = V1_BASIC_COUNT + Object.keys(V1_MORE).length;
const V1_LIMIT_FILES = Object.entries(V1_LIMITS);

function createV1Reader(source: Source): Reader {
  const { mountpoint, text, nameOf, buffer, mostOpen } = source;
  const prefixes = V1_KEPT.map(([, controller]) => `${mountpoint}/${controller}`);
  const kept = new KeptFiles({
    ...{ count: V1_KEPT.length, most: mostOpen, buffer },
    pathOf: (path, at) => `${prefixes[at]}${path}/${V1_KEPT[at]?.[0]}`,
  });
  const limitsOf = (path: string): LimitFigures => {
    const texts: Record<string, string | undefined> = {};
    for (const [file, controller] of V1_LIMIT_FILES) {
      texts[file] = text(`${mountpoint}/${controller}${path}/${file}`);
    }
    return parseV1Limits(texts);
  };
  const read: Reader['read'] = (path, { full, limits: known, atMs }) => {
    const limits = known ?? limitsOf(path);
    const count = !full
      ? V1_BASIC_COUNT
      : limits.cpuQuotaUs === undefined
        ? V1_FULL_COUNT
        : V1_KEPT.length;
    const directory = kept.directory(path, known === undefined);
    const texts: Record<string, string | undefined> = {};
    for (let at = 0; at < count; at += 1) {
      texts[V1_KEPT[at]?.[0] ?? ''] = kept.read(directory, at);
    }
    return parseV1(texts, { atMs, limits, nameOf });
  };
  const indexOf = (file: string): number => V1_KEPT.findIndex(([name]) => name === file);
  const [usage, stat] = [indexOf('memory.usage_in_bytes'), indexOf('memory.stat')];
  return {
    read,
    workingSetBytes: (path) => {
      const directory = kept.directory(path, false);
      return parseV1WorkingSet({
        'memory.usage_in_bytes': kept.read(directory, usage),
        'memory.stat': kept.read(directory, stat),
      });
    },
  };
}

const V2_KEPT = [...V2_BASIC, ...V2_MORE];

function createV2Reader(source: Source): Reader {
  const { mountpoint, text, nameOf, buffer, mostOpen } = source;
  const kept = new KeptFiles({
    ...{ count: V2_KEPT.length, most: mostOpen, buffer },
    pathOf: (path, at) => `${mountpoint}${path}/${V2_KEPT[at]}`,
  });
  const limitsOf = (path: string): LimitFigures => {
    return parseV2Limits(
      Object.fromEntries(V2_LIMITS.map((file) => [file, text(`${mountpoint}${path}/${file}`)])),
    );
  };
  const read: Reader['read'] = (path, { full, limits: known, atMs }) => {
    const limits = known ?? limitsOf(path);
    const directory = kept.directory(path, known === undefined);
    const count = full ? V2_KEPT.length : V2_BASIC.length;
    const texts: Record<string, string | undefined> = {};
    for (let at = 0; at < count; at += 1) texts[V2_KEPT[at] ?? ''] = kept.read(directory, at);
    return parseV2(texts, { atMs, limits, nameOf });
  };
  const [current, stat] = [V2_KEPT.indexOf('memory.current'), V2_KEPT.indexOf('memory.stat')];
  return {
    read,
    workingSetBytes: (path) => {
      const directory = kept.directory(path, false);
      return parseV2WorkingSet({
        'memory.current': kept.read(directory, current),
        'memory.stat': kept.read(directory, stat),
      });
    },
  };
}

/** Half of what this process may have open, so that the other half is left for connections. */
function mostOpenFiles(limits: string | undefined): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1];
  return Math.min(MOST_OPEN, Math.floor(Number(soft ?? 0) / 2));
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

/**
 * The path of a block device.
 *
 * @param device its numbers, `major:minor`
 * @returns undefined where there is none of these numbers
 */
export function blockDevice(device: string): string | undefined {
  try {
    return `/dev/${basename(readlinkSync(`/sys/dev/block/${device}`))}`;
  } catch (error) {
    unlessKernelGone(error);
    return undefined;
  }
}
