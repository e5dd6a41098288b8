import type { Clock } from '@nodeagent/base';

import type {
  CgroupLimits,
  CgroupReadings,
  CgroupUsage,
  CpuFigures,
  DirectoryFigures,
  DirectoryReadings,
  FileSystemFigures,
  InterfaceFigures,
  MachineReadings,
  MemoryFigures,
} from '../stats/index.js';

/** A cgroup as a test wants it seen; what is absent is 0 or none. */
export interface MemoryCgroup {
  readonly cpu?: Partial<CpuFigures>;
  readonly memory?: Partial<MemoryFigures>;
  readonly limits?: Partial<CgroupLimits>;
  readonly threads?: number;
  readonly devices?: CgroupUsage['devices'];
  readonly ioPressure?: CgroupUsage['ioPressure'];
  readonly processes?: readonly number[];
  readonly changedAtMs?: number;
}

const NO_LIMITS: CgroupLimits = {
  cpuShares: 2,
  cpuPeriodUs: 100_000,
  cpuQuotaUs: undefined,
  memoryBytes: undefined,
  swapBytes: undefined,
  memoryReservationBytes: undefined,
  threads: undefined,
};

const NO_MEMORY: MemoryFigures = {
  usageBytes: 0,
  workingSetBytes: 0,
  rssBytes: 0,
  cacheBytes: 0,
  mappedFileBytes: 0,
  activeFileBytes: 0,
  inactiveFileBytes: 0,
  kernelBytes: undefined,
  swapBytes: undefined,
  pageFaults: 0,
  majorPageFaults: 0,
  maxUsageBytes: undefined,
  limitHits: undefined,
  oomKills: undefined,
  pressure: undefined,
};

const NO_CPU: CpuFigures = {
  usageNs: 0,
  userNs: undefined,
  systemNs: undefined,
  throttling: undefined,
  pressure: undefined,
};

/** Cgroups that are what they were last set to. */
export class MemoryCgroupReadings implements CgroupReadings {
  readonly #clock: Clock;
  readonly #cgroups = new Map<string, MemoryCgroup>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(path: string, cgroup: MemoryCgroup): void {
    this.#cgroups.set(path, cgroup);
  }

  remove(path: string): void {
    this.#cgroups.delete(path);
  }

  async read(
    path: string,
    { full, limits }: Parameters<CgroupReadings['read']>[1],
  ): Promise<CgroupUsage | undefined> {
    const found = this.#cgroups.get(path);
    if (found === undefined) return undefined;
    const { cpu, memory, processes = [], devices = [], threads, ioPressure } = found;
    return {
      atMs: this.#clock.nowMs(),
      cpu: { ...NO_CPU, ...cpu },
      memory: { ...NO_MEMORY, ...memory },
      threads: threads ?? processes.length,
      ioPressure,
      limits: limits ?? { ...NO_LIMITS, ...found.limits },
      devices: full ? devices : undefined,
      processes: full ? processes.length : undefined,
    };
  }

  async processOf(path: string): Promise<number | undefined> {
    return this.#cgroups.get(path)?.processes?.[0];
  }

  async changedAtMs(path: string): Promise<number | undefined> {
    const found = this.#cgroups.get(path);
    return found && (found.changedAtMs ?? 0);
  }
}

/** A machine that is what its fields say. */
export class MemoryMachineReadings implements MachineReadings {
  memoryFigures = { totalBytes: 0, freeBytes: 0, swapTotalBytes: 0, swapFreeBytes: 0 };
  bootMs = 0;
  own: readonly InterfaceFigures[] = [];
  /** Of network namespaces, by process. */
  readonly networks = new Map<number, readonly InterfaceFigures[]>();
  /** By process; our own has none here. */
  readonly cgroups = new Map<number, string>();
  /** By path. */
  readonly fileSystems = new Map<string, FileSystemFigures>();

  async memory(): ReturnType<MachineReadings['memory']> {
    return this.memoryFigures;
  }

  async processes(): ReturnType<MachineReadings['processes']> {
    return { max: 32_768, current: 100 };
  }

  async bootTimeMs(): Promise<number> {
    return this.bootMs;
  }

  async interfaces(): Promise<readonly InterfaceFigures[]> {
    return this.own;
  }

  async interfacesOf(pid: number): Promise<readonly InterfaceFigures[] | undefined> {
    return this.networks.get(pid);
  }

  async cgroupOf(pid?: number): Promise<string | undefined> {
    return pid === undefined ? '/' : this.cgroups.get(pid);
  }

  async fileSystem(path: string): Promise<FileSystemFigures | undefined> {
    return this.fileSystems.get(path);
  }

  async deviceOf(path: string): Promise<string | undefined> {
    return this.fileSystems.has(path) ? '/dev/vda1' : undefined;
  }
}

/** Directories that hold what they were last set to hold. */
export class MemoryDirectoryReadings implements DirectoryReadings {
  readonly directories = new Map<string, DirectoryFigures | Error>();

  async measure(path: string): Promise<DirectoryFigures | undefined> {
    const found = this.directories.get(path);
    if (found instanceof Error) throw found;
    return found;
  }
}
