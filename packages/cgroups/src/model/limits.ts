/** Limits to set on a cgroup. An absent value stays as it is, and -1 removes a limit. */
export interface CgroupValues {
  /** CPU weight under contention, on the scale of version 1: 2 to 262144. */
  readonly cpuShares?: number | undefined;
  /** Length of a CPU period in microseconds; the kernel's default is 100,000. */
  readonly cpuPeriodUs?: number | undefined;
  /** CPU time in each period, in microseconds. */
  readonly cpuQuotaUs?: number | undefined;
  /** Rounded down to whole pages by the kernel. */
  readonly memoryLimitBytes?: number | undefined;
  /** Memory that the kernel never takes back. Version 2 only: version 1 ignores it. */
  readonly memoryMinBytes?: number | undefined;
  /** Memory that the kernel takes back only if it finds none elsewhere. Version 2 only. */
  readonly memoryLowBytes?: number | undefined;
  /** Threads of all processes. */
  readonly pidsMax?: number | undefined;
  /**
   * Bytes of huge pages by their size in the kernel's words: `2MB`, `1GB`, `64KB`. Where the kernel
   * has no such controller or size, it is left out. Not read back.
   */
  readonly hugepageBytes?: Readonly<Record<string, number>> | undefined;
}

/** Limits that a cgroup has; -1 is no limit. Absent: version 1 lacks the controller. */
export type CgroupLimits = Readonly<
  Partial<Record<Exclude<keyof CgroupValues, 'hugepageBytes'>, number>>
>;
