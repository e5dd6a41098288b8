/** Of one network interface, cumulative. */
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

/** A whole file system. */
export interface FileSystemFigures {
  readonly atMs: number;
  readonly capacityBytes: number;
  /** For those who are not root. */
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** What lies below a directory. */
export interface DirectoryFigures {
  /** Of allocated blocks. */
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
  /** How many threads the machine may have. */
  readonly max: number;
  readonly current: number;
}
