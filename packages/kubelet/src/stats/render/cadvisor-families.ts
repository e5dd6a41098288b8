import type { CgroupUsage, DeviceFigures, MemoryFigures, Pressure } from '@nodeagent/cgroups';

import type { MetricType } from './exposition.js';

/** One metric with at most one sample per cgroup. */
export interface CgroupFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Labels to append after the cgroup's own. */
  readonly labels?: string;
  /** True for constant facts, whose samples carry no timestamp. */
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
    `Time in which all tasks were stalled waiting for ${resource}.`,
    (usage) => scaled(of(usage)?.full?.totalUs, US),
  ),
  counter(
    `pressure_${resource}_waiting_seconds_total`,
    `Time in which at least one task waited for ${resource}.`,
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
    'Elapsed enforcement periods.',
    ({ cpu }) => cpu?.throttling?.periods,
  ),
  counter(
    'cpu_cfs_throttled_periods_total',
    'Enforcement periods in which the cgroup was throttled.',
    ({ cpu }) => cpu?.throttling?.throttledPeriods,
  ),
  counter('cpu_cfs_throttled_seconds_total', 'Time spent throttled.', ({ cpu }) =>
    scaled(cpu?.throttling?.throttledNs, NS),
  ),
  counter(
    'cpu_cfs_burst_periods_total',
    'Enforcement periods in which the cgroup exceeded its quota.',
    ({ cpu }) => cpu?.throttling?.burstPeriods,
  ),
  counter('cpu_cfs_burst_seconds_total', 'CPU time used in excess of the quota.', ({ cpu }) =>
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
    'Memory used, including caches.',
    memory(({ usageBytes }) => usageBytes),
  ),
  gauge(
    'memory_working_set_bytes',
    'Working set: memory that cannot be reclaimed easily.',
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
    'Maximum memory used so far.',
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
    'Number of times that the memory limit was reached.',
    memory(({ limitHits }) => limitHits),
  ),
  ...FAILURES.flatMap(([type, value]) => [
    counter('memory_failures_total', 'Page faults.', memory(value), `${type},scope="hierarchy"`),
  ]),
  counter(
    'oom_events_total',
    'Processes killed by the OOM killer.',
    memory(({ oomKills }) => oomKills),
  ),
];

export const OTHER_FAMILIES: readonly CgroupFamily[] = [
  ...pressure('cpu', ({ cpu }) => cpu?.pressure),
  ...pressure('memory', ({ memory: figures }) => figures?.pressure),
  ...pressure('io', ({ ioPressure }) => ioPressure),
  gauge('processes', 'Processes.', ({ processes }) => processes),
  gauge('threads', 'Threads.', ({ threads }) => threads),
  gauge('threads_max', 'Maximum number of threads; 0 means no limit.', ({ limits, threads }) =>
    threads === undefined ? undefined : (limits.threads ?? 0),
  ),
  gauge('last_seen', 'Time of the last measurement, in seconds since the Unix epoch.', ({ atMs }) =>
    Math.floor(atMs / 1000),
  ),
  spec('cpu_period', 'Enforcement period in microseconds.', ({ limits }) => limits.cpuPeriodUs),
  spec('cpu_quota', 'CPU time in each period, in microseconds.', ({ limits }) => limits.cpuQuotaUs),
  spec('cpu_shares', 'Share of CPU time under contention.', ({ limits }) => limits.cpuShares),
  spec(
    'memory_limit_bytes',
    'Memory limit in bytes; 0 means no limit.',
    ({ limits }) => limits.memoryBytes ?? 0,
  ),
  spec(
    'memory_swap_limit_bytes',
    'Swap limit in bytes; 0 means no limit.',
    ({ limits }) => limits.swapBytes ?? 0,
  ),
  spec(
    'memory_reservation_limit_bytes',
    'Memory reserved for the cgroup, in bytes; 0 means none.',
    ({ limits }) => limits.memoryReservationBytes ?? 0,
  ),
];

/** One metric with one sample per block device. */
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
  { name: 'container_fs_reads_total', help: 'Completed reads.', value: ({ reads }) => reads },
  {
    name: 'container_fs_writes_bytes_total',
    help: 'Bytes written.',
    value: ({ writeBytes }) => writeBytes,
  },
  { name: 'container_fs_writes_total', help: 'Completed writes.', value: ({ writes }) => writes },
];
