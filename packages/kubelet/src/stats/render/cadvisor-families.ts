import type { CgroupUsage, DeviceFigures, MemoryFigures, Pressure } from '@nodeagent/cgroups';

import type { MetricType } from './exposition.js';

/** One metric with at most one sample for each cgroup. */
export interface CgroupFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Behind the cgroup's own labels. */
  readonly labels?: string;
  /** What was so once and for all bears no time. */
  readonly isTimeless?: boolean;
  readonly value: (usage: CgroupUsage) => number | undefined;
}

const [NS, US] = [1e-9, 1e-6];

const counter = (
  name: string,
  help: string,
  value: CgroupFamily['value'],
  labels?: string,
): CgroupFamily => ({
  ...{ name: `container_${name}`, help, value, type: 'counter' },
  ...(labels !== undefined && { labels }),
});

const gauge = (name: string, help: string, value: CgroupFamily['value']): CgroupFamily => ({
  ...{ name: `container_${name}`, help, value, type: 'gauge' },
});

const spec = (name: string, help: string, value: CgroupFamily['value']): CgroupFamily => ({
  ...gauge(`spec_${name}`, help, value),
  isTimeless: true,
});

const scaled = (value: number | undefined, by: number): number | undefined => {
  return value === undefined ? undefined : value * by;
};

const memory =
  (of: (figures: MemoryFigures) => number | undefined): CgroupFamily['value'] =>
  (usage) =>
    usage.memory === undefined ? undefined : of(usage.memory);

const pressure = (
  resource: 'cpu' | 'memory' | 'io',
  of: (usage: CgroupUsage) => Pressure | undefined,
): readonly CgroupFamily[] => [
  counter(
    `pressure_${resource}_stalled_seconds_total`,
    `Time in which no task could go on for want of ${resource}.`,
    (usage) => scaled(of(usage)?.full?.totalUs, US),
  ),
  counter(
    `pressure_${resource}_waiting_seconds_total`,
    `Time in which some task waited for ${resource}.`,
    (usage) => scaled(of(usage)?.some.totalUs, US),
  ),
];

/** @see cAdvisor metrics/prometheus.go */
export const CPU_FAMILIES: readonly CgroupFamily[] = [
  counter(
    'cpu_usage_seconds_total',
    'CPU time used.',
    ({ cpu }) => scaled(cpu?.usageNs, NS),
    'cpu="total"',
  ),
  counter('cpu_user_seconds_total', 'CPU time used by programs.', ({ cpu }) =>
    scaled(cpu?.userNs, NS),
  ),
  counter('cpu_system_seconds_total', 'CPU time used by the kernel.', ({ cpu }) =>
    scaled(cpu?.systemNs, NS),
  ),
  counter(
    'cpu_cfs_periods_total',
    'Enforcement periods gone by.',
    ({ cpu }) => cpu?.throttling?.periods,
  ),
  counter(
    'cpu_cfs_throttled_periods_total',
    'Enforcement periods in which the quota was used up.',
    ({ cpu }) => cpu?.throttling?.throttledPeriods,
  ),
  counter('cpu_cfs_throttled_seconds_total', 'Time spent throttled.', ({ cpu }) =>
    scaled(cpu?.throttling?.throttledNs, NS),
  ),
  counter(
    'cpu_cfs_burst_periods_total',
    'Enforcement periods in which more than the quota was used.',
    ({ cpu }) => cpu?.throttling?.burstPeriods,
  ),
  counter('cpu_cfs_burst_seconds_total', 'CPU time used beyond quotas.', ({ cpu }) =>
    scaled(cpu?.throttling?.burstNs, NS),
  ),
];

const FAILURES: readonly (readonly [string, (figures: MemoryFigures) => number])[] = [
  ['failure_type="pgfault"', ({ pageFaults }) => pageFaults],
  ['failure_type="pgmajfault"', ({ majorPageFaults }) => majorPageFaults],
];

export const MEMORY_FAMILIES: readonly CgroupFamily[] = [
  gauge(
    'memory_usage_bytes',
    'Memory used, caches included.',
    memory(({ usageBytes }) => usageBytes),
  ),
  gauge(
    'memory_working_set_bytes',
    'Memory that is not given back under pressure.',
    memory(({ workingSetBytes }) => workingSetBytes),
  ),
  gauge(
    'memory_rss',
    'Anonymous memory.',
    memory(({ rssBytes }) => rssBytes),
  ),
  gauge(
    'memory_cache',
    'Page cache.',
    memory(({ cacheBytes }) => cacheBytes),
  ),
  gauge(
    'memory_mapped_file',
    'Mapped files.',
    memory(({ mappedFileBytes }) => mappedFileBytes),
  ),
  gauge(
    'memory_swap',
    'Swap used.',
    memory(({ swapBytes }) => swapBytes),
  ),
  gauge(
    'memory_kernel_usage',
    'Kernel memory used.',
    memory(({ kernelBytes }) => kernelBytes),
  ),
  gauge(
    'memory_max_usage_bytes',
    'Most memory used so far.',
    memory(({ maxUsageBytes }) => maxUsageBytes),
  ),
  gauge(
    'memory_total_active_file_bytes',
    'Active file pages.',
    memory(({ activeFileBytes }) => activeFileBytes),
  ),
  gauge(
    'memory_total_inactive_file_bytes',
    'Inactive file pages.',
    memory(({ inactiveFileBytes }) => inactiveFileBytes),
  ),
  counter(
    'memory_failcnt',
    'How often the limit was met.',
    memory(({ limitHits }) => limitHits),
  ),
  ...FAILURES.flatMap(([type, value]) => [
    counter('memory_failures_total', 'Page faults.', memory(value), `${type},scope="hierarchy"`),
  ]),
  counter(
    'oom_events_total',
    'Processes killed for want of memory.',
    memory(({ oomKills }) => oomKills),
  ),
];

export const OTHER_FAMILIES: readonly CgroupFamily[] = [
  ...pressure('cpu', ({ cpu }) => cpu?.pressure),
  ...pressure('memory', ({ memory: figures }) => figures?.pressure),
  ...pressure('io', ({ ioPressure }) => ioPressure),
  gauge('processes', 'Processes.', ({ processes }) => processes),
  gauge('threads', 'Threads.', ({ threads }) => threads),
  gauge(
    'threads_max',
    'How many threads there may be; 0 is without limit.',
    ({ limits, threads }) => (threads === undefined ? undefined : (limits.threads ?? 0)),
  ),
  gauge('last_seen', 'When the cgroup was last looked at, since the Unix epoch.', ({ atMs }) =>
    Math.floor(atMs / 1000),
  ),
  spec('cpu_period', 'Enforcement period in microseconds.', ({ limits }) => limits.cpuPeriodUs),
  spec('cpu_quota', 'CPU time in each period, in microseconds.', ({ limits }) => limits.cpuQuotaUs),
  spec('cpu_shares', 'Share of CPU time under contention.', ({ limits }) => limits.cpuShares),
  spec(
    'memory_limit_bytes',
    'Limit of memory; 0 is without.',
    ({ limits }) => limits.memoryBytes ?? 0,
  ),
  spec(
    'memory_swap_limit_bytes',
    'Limit of swap; 0 is without.',
    ({ limits }) => limits.swapBytes ?? 0,
  ),
  spec(
    'memory_reservation_limit_bytes',
    'Memory that is kept for it; 0 is none.',
    ({ limits }) => limits.memoryReservationBytes ?? 0,
  ),
];

/** One metric with a sample for each block device. */
export interface DeviceFamily {
  readonly name: string;
  readonly help: string;
  readonly value: (device: DeviceFigures) => number;
}

export const DEVICE_FAMILIES: readonly DeviceFamily[] = [
  {
    name: 'container_fs_reads_bytes_total',
    help: 'Bytes read.',
    value: ({ readBytes }) => readBytes,
  },
  { name: 'container_fs_reads_total', help: 'Reads done.', value: ({ reads }) => reads },
  {
    name: 'container_fs_writes_bytes_total',
    help: 'Bytes written.',
    value: ({ writeBytes }) => writeBytes,
  },
  { name: 'container_fs_writes_total', help: 'Writes done.', value: ({ writes }) => writes },
];
