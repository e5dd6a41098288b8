/** Pressure stall information of one resource. @see Linux Documentation/accounting/psi.rst */
export interface Pressure {
  readonly some: PressureData;
  /** Absent for CPU on kernels before 5.13. */
  readonly full: PressureData | undefined;
}

/** Shares of time lost in the last 10, 60 and 300 seconds, as the kernel's PSI measures them. */
export interface PressureData {
  /** Time lost so far, in microseconds. */
  readonly totalUs: number;
  readonly avg10Percent: number;
  readonly avg60Percent: number;
  readonly avg300Percent: number;
}

/** Cumulative figures; this kernel does not report those that are absent. */
export interface CpuFigures {
  readonly usageNs: number;
  readonly userNs: number | undefined;
  readonly systemNs: number | undefined;
  /** Only where there is a quota. */
  readonly throttling: ThrottleFigures | undefined;
  readonly pressure: Pressure | undefined;
}

/** Periods of the CPU limit, from `cpu.stat`. Older kernels report no bursts. */
export interface ThrottleFigures {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
  readonly burstPeriods: number | undefined;
  readonly burstNs: number | undefined;
}

/**
 * Memory of a cgroup in bytes, from `memory.stat` and `memory.current` or their names in version 1.
 */
export interface MemoryFigures {
  readonly usageBytes: number;
  /** Usage without inactive file pages: the kernel cannot reclaim this under pressure. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly cacheBytes: number;
  readonly mappedFileBytes: number;
  readonly activeFileBytes: number;
  readonly inactiveFileBytes: number;
  readonly kernelBytes: number | undefined;
  readonly swapBytes: number | undefined;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly maxUsageBytes: number | undefined;
  /** How often the limit was reached. */
  readonly limitHits: number | undefined;
  readonly oomKills: number | undefined;
  readonly pressure: Pressure | undefined;
}

/** Cumulative, of one block device. */
export interface DeviceFigures {
  /** `/dev/vda`; `8:0` for a device without a name. */
  readonly device: string;
  readonly major: number;
  readonly minor: number;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly reads: number;
  readonly writes: number;
}

/** Limits of a cgroup as its files show them; undefined is no limit, or unknown to this kernel. */
export interface LimitFigures {
  readonly cpuShares: number | undefined;
  readonly cpuPeriodUs: number | undefined;
  readonly cpuQuotaUs: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Limit of swap alone. */
  readonly swapBytes: number | undefined;
  /** Memory that the kernel reserves for it. */
  readonly memoryReservationBytes: number | undefined;
  readonly threads: number | undefined;
}

/** Resources that one cgroup uses, as its files show them. */
export interface CgroupUsage {
  readonly atMs: number;
  readonly cpu: CpuFigures | undefined;
  readonly memory: MemoryFigures | undefined;
  /** Threads of all processes in and below it. */
  readonly threads: number | undefined;
  readonly ioPressure: Pressure | undefined;
  readonly limits: LimitFigures;
  /** Only when read in full. */
  readonly devices: readonly DeviceFigures[] | undefined;
  /** Processes of the cgroup itself, without those below; only when read in full. */
  readonly processes: number | undefined;
}
