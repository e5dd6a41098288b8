import { wholeNumber } from '@nodeagent/base';

import type {
  CgroupUsage,
  CpuFigures,
  DeviceFigures,
  LimitFigures,
  MemoryFigures,
} from '../model/usage.js';
import { countLines, deviceNumbers, keyedValue, singleValue } from './cgroup-text.js';

type Controller = 'cpu' | 'cpuacct' | 'memory' | 'pids' | 'blkio';

type Files = Readonly<Record<string, Controller>>;

/** Files that every reading takes. */
export const V1_BASIC = {
  'cpuacct.usage': 'cpuacct',
  'cpuacct.stat': 'cpuacct',
  'memory.usage_in_bytes': 'memory',
  'memory.stat': 'memory',
  'pids.current': 'pids',
} as const satisfies Files;

/** Further files of a full reading. */
export const V1_MORE = {
  'memory.max_usage_in_bytes': 'memory',
  'memory.failcnt': 'memory',
  'memory.kmem.usage_in_bytes': 'memory',
  'memory.oom_control': 'memory',
  'blkio.throttle.io_service_bytes_recursive': 'blkio',
  'blkio.throttle.io_serviced_recursive': 'blkio',
  'cgroup.procs': 'memory',
} as const satisfies Files;

/** Files of limits, which seldom change. */
export const V1_LIMITS = {
  'cpu.shares': 'cpu',
  'cpu.cfs_period_us': 'cpu',
  'cpu.cfs_quota_us': 'cpu',
  'memory.limit_in_bytes': 'memory',
  'memory.memsw.limit_in_bytes': 'memory',
  'memory.soft_limit_in_bytes': 'memory',
  'pids.max': 'pids',
} as const satisfies Files;

/** A file that is useful only with a CPU quota. */
export const V1_THROTTLING = { 'cpu.stat': 'cpu' } as const satisfies Files;

export type V1Texts = Readonly<
  Partial<
    Record<
      | keyof typeof V1_BASIC
      | keyof typeof V1_MORE
      | keyof typeof V1_LIMITS
      | keyof typeof V1_THROTTLING,
      string | undefined
    >
  >
>;

/** The kernel's clock tick in cpuacct.stat, on every Linux that Node.js runs on. */
const NS_PER_TICK = 10_000_000;

/**
 * Reads the figures of a cgroup from the texts of its files, by name.
 *
 * @returns undefined if neither CPU nor memory files were there
 * @see Linux Documentation/admin-guide/cgroup-v1/memory.rst, cpuacct.rst, blkio-controller.rst
 */
export function parseV1(
  texts: V1Texts,
  { atMs, limits, nameOf }: ParseOptions,
): CgroupUsage | undefined {
  const cpu = parseCpu(texts);
  const memory = parseMemory(texts);
  if (cpu === undefined && memory === undefined) return undefined;
  return {
    atMs,
    cpu,
    memory,
    threads: singleValue(texts['pids.current']),
    ioPressure: undefined,
    limits,
    devices: parseDevices(texts, nameOf),
    processes: countLines(texts['cgroup.procs']),
  };
}

export interface ParseOptions {
  readonly atMs: number;
  readonly limits: LimitFigures;
  /** Names a device by its numbers, `major:minor`. */
  readonly nameOf: NameOf;
}

/** @returns undefined for each limit that the files do not name */
export function parseV1Limits(texts: V1Texts): LimitFigures {
  const memoryBytes = singleValue(texts['memory.limit_in_bytes']);
  const withSwap = singleValue(texts['memory.memsw.limit_in_bytes']);
  const quota = singleValue(texts['cpu.cfs_quota_us']);
  return {
    cpuShares: singleValue(texts['cpu.shares']),
    cpuPeriodUs: singleValue(texts['cpu.cfs_period_us']),
    cpuQuotaUs: quota !== undefined && quota > 0 ? quota : undefined,
    memoryBytes,
    swapBytes:
      withSwap === undefined || memoryBytes === undefined
        ? undefined
        : Math.max(0, withSwap - memoryBytes), // two files: the limits may change between them
    memoryReservationBytes: singleValue(texts['memory.soft_limit_in_bytes']),
    threads: singleValue(texts['pids.max']),
  };
}

export type NameOf = (device: string) => string;

function parseCpu(texts: V1Texts): CpuFigures | undefined {
  const usageNs = singleValue(texts['cpuacct.usage']);
  if (usageNs === undefined) return undefined;
  const stat = texts['cpuacct.stat'];
  const [user, system] = [keyedValue(stat, 'user'), keyedValue(stat, 'system')];
  return {
    usageNs,
    userNs: user && user * NS_PER_TICK,
    systemNs: system && system * NS_PER_TICK,
    throttling: throttling(texts['cpu.stat']),
    pressure: undefined,
  };
}

function throttling(stat: string | undefined): CpuFigures['throttling'] {
  if (stat === undefined) return undefined;
  return {
    periods: keyedValue(stat, 'nr_periods') ?? 0,
    throttledPeriods: keyedValue(stat, 'nr_throttled') ?? 0,
    throttledNs: keyedValue(stat, 'throttled_time') ?? 0,
    burstPeriods: keyedValue(stat, 'nr_bursts'),
    burstNs: keyedValue(stat, 'burst_time'),
  };
}

/** The part of {@link parseV1} that tells the working set, in bytes. */
export function parseV1WorkingSet(
  texts: Pick<V1Texts, 'memory.usage_in_bytes' | 'memory.stat'>,
): number | undefined {
  const usageBytes = singleValue(texts['memory.usage_in_bytes']);
  const stat = texts['memory.stat'];
  if (usageBytes === undefined || stat === undefined) return undefined;
  return Math.max(0, usageBytes - (keyedValue(stat, 'total_inactive_file') ?? 0));
}

function parseMemory(texts: V1Texts): MemoryFigures | undefined {
  const usageBytes = singleValue(texts['memory.usage_in_bytes']);
  const stat = texts['memory.stat'];
  if (usageBytes === undefined || stat === undefined) return undefined;
  const total = (key: string): number => keyedValue(stat, `total_${key}`) ?? 0;
  const inactiveFileBytes = total('inactive_file');
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - inactiveFileBytes),
    rssBytes: total('rss'),
    cacheBytes: total('cache'),
    mappedFileBytes: total('mapped_file'),
    activeFileBytes: total('active_file'),
    inactiveFileBytes,
    kernelBytes: singleValue(texts['memory.kmem.usage_in_bytes']),
    swapBytes: keyedValue(stat, 'total_swap'),
    pageFaults: total('pgfault'),
    majorPageFaults: total('pgmajfault'),
    maxUsageBytes: singleValue(texts['memory.max_usage_in_bytes']),
    limitHits: singleValue(texts['memory.failcnt']),
    oomKills: keyedValue(texts['memory.oom_control'], 'oom_kill'),
    pressure: undefined,
  };
}

/** Lines such as `8:0 Read 4096`, those of all operations, and of all devices at the end. */
function parseDevices(texts: V1Texts, nameOf: NameOf): readonly DeviceFigures[] | undefined {
  if (texts['blkio.throttle.io_service_bytes_recursive'] === undefined) return undefined;
  const devices = new Map<string, { -readonly [K in keyof DeviceFigures]: DeviceFigures[K] }>();
  const take = (
    text: string | undefined,
    fields: Readonly<Record<string, 'readBytes' | 'writeBytes' | 'reads' | 'writes'>>,
  ): void => {
    if (text === undefined) return;
    for (const line of text.split('\n')) {
      const [id = '', operation = '', value] = line.split(' ');
      const field = fields[operation];
      if (field === undefined) continue;
      let device = devices.get(id);
      if (device === undefined) {
        const numbers = deviceNumbers(id);
        if (numbers === undefined) continue;
        const [major, minor] = numbers;
        device = { device: nameOf(id), major, minor, ...NO_IO };
        devices.set(id, device);
      }
      device[field] = wholeNumber(value ?? '') ?? 0;
    }
  };
  take(texts['blkio.throttle.io_service_bytes_recursive'], {
    Read: 'readBytes',
    Write: 'writeBytes',
  });
  take(texts['blkio.throttle.io_serviced_recursive'], { Read: 'reads', Write: 'writes' });
  return [...devices.values()];
}

const NO_IO = { readBytes: 0, writeBytes: 0, reads: 0, writes: 0 } as const;
