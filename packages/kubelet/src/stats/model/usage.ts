/** Cumulative counters of one network interface. */
export interface InterfaceFigures {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** Figures of a whole file system. */
export interface FileSystemFigures {
  readonly atMs: number;
  readonly capacityBytes: number;
  /** Bytes available to users other than root. */
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** Figures of a directory tree. */
export interface DirectoryFigures {
  /** Allocated blocks, in bytes. */
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

/** From /proc/meminfo. */
export interface MachineMemory {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
}

export interface ProcessFigures {
  /** Maximum number of threads on the machine. */
  readonly max: number;
  readonly current: number;
}
