import { wholeNumber } from '@nodeagent/base';

import type {
  CgroupUsage,
  CpuFigures,
  DeviceFigures,
  LimitFigures,
  MemoryFigures,
} from '../model/usage.js';
import {
  countLines,
  deviceNumbers,
  keyedValue,
  parsePressure,
  singleValue,
} from './cgroup-text.js';
import type { NameOf, ParseOptions } from './cgroup-v1.js';

/** Files that every reading takes. */
export const V2_BASIC = [
  'cpu.stat',
  'cpu.pressure',
  'io.pressure',
  'memory.current',
  'memory.stat',
  'memory.pressure',
  'memory.swap.current',
  'pids.current',
] as const;

/** Further files of a full reading. */
export const V2_MORE = ['cgroup.procs', 'io.stat', 'memory.events', 'memory.peak'] as const;

/** Files of limits, which seldom change. */
export const V2_LIMITS = [
  'cpu.max',
  'cpu.weight',
  'memory.max',
  'memory.min',
  'memory.swap.max',
  'pids.max',
] as const;

export type V2Texts = Readonly<
  Partial<
    Record<
      (typeof V2_BASIC)[number] | (typeof V2_MORE)[number] | (typeof V2_LIMITS)[number],
      string | undefined
    >
  >
>;

/**
 * Reads the figures of a cgroup from the texts of its files, by name. The root has no
 * `memory.current`: the sum of its `anon` and `file` takes its place, as in version 1.
 *
 * @returns undefined if neither CPU nor memory files were there
 * @see Linux Documentation/admin-guide/cgroup-v2.rst
 */
export function parseV2(
  texts: V2Texts,
  { atMs, limits, nameOf }: ParseOptions,
): CgroupUsage | undefined {
  const cpu = parseCpu(texts, limits.cpuQuotaUs !== undefined);
  const memory = parseMemory(texts);
  if (cpu === undefined && memory === undefined) return undefined;
  return {
    atMs,
    cpu,
    memory,
    threads: singleValue(texts['pids.current']),
    ioPressure: parsePressure(texts['io.pressure']),
    limits,
    devices: parseDevices(texts['io.stat'], nameOf),
    processes: countLines(texts['cgroup.procs']),
  };
}

/** @returns undefined for each limit that the files do not name */
export function parseV2Limits(texts: V2Texts): LimitFigures {
  const [quota, period] = texts['cpu.max']?.trim().split(' ') ?? [];
  const weight = singleValue(texts['cpu.weight']);
  return {
    cpuShares: weight === undefined || weight < 1 ? undefined : weightToShares(weight),
    cpuPeriodUs: singleValue(period),
    cpuQuotaUs: singleValue(quota),
    memoryBytes: singleValue(texts['memory.max']),
    swapBytes: singleValue(texts['memory.swap.max']),
    memoryReservationBytes: singleValue(texts['memory.min']),
    threads: singleValue(texts['pids.max']),
  };
}

function parseCpu(texts: V2Texts, hasQuota: boolean): CpuFigures | undefined {
  const stat = texts['cpu.stat'];
  const ns = (key: string): number | undefined => {
    const us = keyedValue(stat, key);
    return us === undefined ? undefined : us * 1000;
  };
  const usageNs = ns('usage_usec');
  if (usageNs === undefined) return undefined;
  return {
    usageNs,
    userNs: ns('user_usec'),
    systemNs: ns('system_usec'),
    throttling: hasQuota
      ? {
          periods: keyedValue(stat, 'nr_periods') ?? 0,
          throttledPeriods: keyedValue(stat, 'nr_throttled') ?? 0,
          throttledNs: ns('throttled_usec') ?? 0,
          burstPeriods: keyedValue(stat, 'nr_bursts'),
          burstNs: ns('burst_usec'),
        }
      : undefined,
    pressure: parsePressure(texts['cpu.pressure']),
  };
}

/** The part of {@link parseV2} that tells the working set, in bytes. */
export function parseV2WorkingSet(
  texts: Pick<V2Texts, 'memory.current' | 'memory.stat'>,
): number | undefined {
  const stat = texts['memory.stat'];
  if (stat === undefined) return undefined;
  return Math.max(0, usageOf(texts['memory.current'], stat) - fileInactive(stat));
}

function usageOf(current: string | undefined, stat: string): number {
  const sum = (): number => (keyedValue(stat, 'anon') ?? 0) + (keyedValue(stat, 'file') ?? 0);
  return singleValue(current) ?? sum();
}

function fileInactive(stat: string): number {
  return keyedValue(stat, 'inactive_file') ?? 0;
}

function parseMemory(texts: V2Texts): MemoryFigures | undefined {
  const stat = texts['memory.stat'];
  if (stat === undefined) return undefined;
  const value = (key: string): number => keyedValue(stat, key) ?? 0;
  const usageBytes = usageOf(texts['memory.current'], stat);
  const inactiveFileBytes = fileInactive(stat);
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - inactiveFileBytes),
    rssBytes: value('anon'),
    cacheBytes: value('file'),
    mappedFileBytes: value('file_mapped'),
    activeFileBytes: value('active_file'),
    inactiveFileBytes,
    kernelBytes: keyedValue(stat, 'kernel'),
    swapBytes: singleValue(texts['memory.swap.current']),
    pageFaults: value('pgfault'),
    majorPageFaults: value('pgmajfault'),
    maxUsageBytes: singleValue(texts['memory.peak']),
    limitHits: keyedValue(texts['memory.events'], 'max'),
    oomKills: keyedValue(texts['memory.events'], 'oom_kill'),
    pressure: parsePressure(texts['memory.pressure']),
  };
}

/** v1's scale of 2 to 262144 for v2's weights of 1 to 10000, as dashboards know it. */
function weightToShares(weight: number): number {
  return 2 + Math.floor(((weight - 1) * 262_142) / 9999);
}

/** Lines such as `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. */
function parseDevices(
  text: string | undefined,
  nameOf: NameOf,
): readonly DeviceFigures[] | undefined {
  if (text === undefined) return undefined;
  return text.split('\n').flatMap((line) => {
    const [id = '', ...pairs] = line.split(' ');
    if (pairs.length === 0) return [];
    const value = (key: string): number => {
      const found = pairs.find((pair) => pair.startsWith(`${key}=`));
      return found === undefined ? 0 : (wholeNumber(found.slice(key.length + 1)) ?? 0);
    };
    const numbers = deviceNumbers(id);
    if (numbers === undefined) return [];
    const [major, minor] = numbers;
    return [
      {
        ...{ device: nameOf(id), major, minor },
        readBytes: value('rbytes'),
        writeBytes: value('wbytes'),
        reads: value('rios'),
        writes: value('wios'),
      },
    ];
  });
}
