/** What a cgroup is to be held to; what is absent stays as it is, and -1 takes a limit away. */
export interface CgroupValues {
  /** On the scale of version 1, 2 to 262144: how CPU is divided when there is not enough. */
  readonly cpuShares?: number | undefined;
  /** Microseconds; 100,000 where the kernel's own default is kept. */
  readonly cpuPeriodUs?: number | undefined;
  /** CPU time in each period, in microseconds. */
  readonly cpuQuotaUs?: number | undefined;
  /** Rounded down to whole pages by the kernel. */
  readonly memoryLimitBytes?: number | undefined;
  /** Threads of all processes. */
  readonly pidsMax?: number | undefined;
}

/** What a cgroup is held to of CPU and memory; -1 is without limit. */
export type CgroupLimits = Readonly<
  Partial<Record<'cpuShares' | 'cpuPeriodUs' | 'cpuQuotaUs' | 'memoryLimitBytes', number>>
>;
