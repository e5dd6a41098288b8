import { readFile, stat, statfs } from 'node:fs/promises';

import { readKernelText } from '@nodeagent/base/files';
import { SpareDescriptor } from '@nodeagent/base/system';
import { parseAccountedCgroup, parseProcessCgroup } from '@nodeagent/cgroups';
import { blockDevice } from '@nodeagent/cgroups/linux';

import {
  parseBootTimeMs,
  parseInterfaces,
  parseMachineMemory,
  parseThreadCount,
} from '../codec/proc-text.js';
import type { FileSystemFigures, ProcessFigures } from '../model/usage.js';
import type { MachineReadings } from '../ports.js';

/** Reads this machine's figures from /proc and statfs, even when no file descriptor is free. */
export function createMachineReadings({ nowMs }: { nowMs: () => number }): MachineReadings {
  const spare = new SpareDescriptor();
  /** Reads synchronously: /proc is in memory, and the thread pool would cost ten times as much. */
  const optional = (path: string): string | undefined =>
    spare.use(() => readKernelText(path, buffer));
  let bootMs: Promise<number> | undefined;
  return {
    memory: async () => parseMachineMemory(optional('/proc/meminfo') ?? ''),
    processes: async (max) => processes(optional, max),
    bootTimeMs: () => (bootMs ??= bootTime()),
    interfaces: async () => parseInterfaces(optional('/proc/self/net/dev') ?? ''),
    interfacesOf: async (pid) => {
      const text = optional(`/proc/${pid}/net/dev`);
      return text === undefined ? undefined : parseInterfaces(text);
    },
    cgroupOf: async (pid) => {
      const text = optional(`/proc/${pid ?? 'self'}/cgroup`);
      if (text === undefined) return undefined;
      return pid === undefined ? parseAccountedCgroup(text) : parseProcessCgroup(text);
    },
    fileSystem: (path) => fileSystem(path, nowMs),
    deviceOf,
  };
}

type ReadText = (path: string) => string | undefined;

function processes(optional: ReadText, known: number | undefined): ProcessFigures | undefined {
  const current = parseThreadCount(optional('/proc/loadavg') ?? '');
  const max = known ?? mostProcesses(optional);
  return current === undefined || max === undefined ? undefined : { current, max };
}

function mostProcesses(optional: ReadText): number | undefined {
  const limits = ['pid_max', 'threads-max']
    .map((name) => Number.parseInt(optional(`/proc/sys/kernel/${name}`) ?? '', 10))
    .filter((limit) => limit > 0);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

async function bootTime(): Promise<number> {
  return parseBootTimeMs(await readFile('/proc/stat', 'latin1')) ?? 0;
}

async function fileSystem(
  path: string,
  nowMs: () => number,
): Promise<FileSystemFigures | undefined> {
  const found = await statfs(path).catch(absent);
  if (found === undefined) return undefined;
  const { bsize, blocks, bfree, bavail, files, ffree } = found;
  return {
    atMs: nowMs(),
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
  };
}

async function deviceOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(absent);
  if (found === undefined) return undefined;
  const device = `${deviceMajor(found.dev)}:${deviceMinor(found.dev)}`;
  return blockDevice(device) ?? device;
}

/** Same as glibc's gnu_dev_major and gnu_dev_minor for numbers below 2^32. */
function deviceMajor(device: number): number {
  return (device >>> 8) & 0xfff;
}

function deviceMinor(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}

/** Large enough for the interfaces of a machine with a thousand pods. */
const buffer = Buffer.allocUnsafe(256 * 1024);

const ABSENT = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'];

function absent(error: unknown): undefined {
  if (ABSENT.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
}
