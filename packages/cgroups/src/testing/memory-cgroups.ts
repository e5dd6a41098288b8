import type { Clock } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import type { CgroupLimits, CgroupValues } from '../model/limits.js';
import type { CgroupUsage, CpuFigures, LimitFigures, MemoryFigures } from '../model/usage.js';
import { type CgroupDriver, cgroupPath } from '../plan/cgroup-path.js';
import type { CgroupEvents, CgroupReadings, Cgroups, CgroupTree, OpenTree } from '../ports.js';

/** Figures that a test gives a cgroup; absent ones are 0 or none. */
export interface MemoryCgroup {
  readonly cpu?: Partial<CpuFigures>;
  readonly memory?: Partial<MemoryFigures>;
  readonly limits?: Partial<LimitFigures>;
  readonly threads?: number;
  readonly devices?: CgroupUsage['devices'];
  readonly ioPressure?: CgroupUsage['ioPressure'];
  /** Ids of processes, beside those that were added. */
  readonly processes?: readonly number[];
  readonly changedAtMs?: number;
}

/** The driver decides how names become paths, as on a real machine. */
export interface MemoryCgroupsOptions {
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** `cgroupfs` when absent. */
  readonly driver?: CgroupDriver;
}

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

interface Cell {
  values: CgroupValues;
  seen: MemoryCgroup;
  readonly changedAtMs: number;
  readonly processes: Set<number>;
  oomKills: number;
}

/**
 * Cgroups in memory: they have the limits that they were given and use what they were set to use.
 * As in the kernel one is made with those above it, and is only removed when no process is in it or
 * below it.
 */
export class MemoryCgroups implements Cgroups {
  readonly version = 2;
  readonly tree: CgroupTree;
  readonly readings: CgroupReadings;
  readonly events: CgroupEvents;
  readonly #clock: Clock;
  readonly #driver: CgroupDriver;
  /** By path. */
  readonly #cells = new Map<string, Cell>();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor({ clock = createSystemClock(), driver = 'cgroupfs' }: MemoryCgroupsOptions = {}) {
    this.#clock = clock;
    this.#driver = driver;
    this.tree = this.#createTree();
    this.readings = this.#createReadings();
    this.events = {
      oomKills: async (path) => this.#cells.get(path)?.oomKills,
      onMemoryEvent: (path, listener) => {
        const all = this.#listeners.get(path) ?? new Set();
        this.#listeners.set(path, all.add(listener));
        return () => all.delete(listener);
      },
    };
  }

  pathOf(names: readonly string[]): string {
    return cgroupPath(names, this.#driver);
  }

  /** The tree as its driver opens it; nobody overwrites limits. */
  open(): OpenTree {
    const { version, tree } = this;
    const pathOf = (names: readonly string[]): string => this.pathOf(names);
    return {
      version,
      tree,
      pathOf,
      expected: (values) => values,
      correct: (names, values) => tree.ensure(names, values),
    };
  }

  /** Values that a cgroup was given; undefined if there is no such cgroup. */
  valuesOf(path: string): CgroupValues | undefined {
    return this.#cells.get(path)?.values;
  }

  /** Sets the figures of a cgroup, and creates it if it is missing. */
  set(path: string, seen: MemoryCgroup): void {
    this.#cell(path).seen = seen;
  }

  /** Removes it with what is below it, whatever runs there. */
  remove(path: string): void {
    for (const one of this.#below(path)) this.#cells.delete(one);
    this.#cells.delete(path);
  }

  /** Reports whether a process is in it or below it. */
  isBusy(path: string): boolean {
    const all = [path, ...this.#below(path)];
    return all.some((one) => (this.#cells.get(one)?.processes.size ?? 0) > 0);
  }

  /** The kernel kills a process of the cgroup for want of memory; those above count it, too. */
  oomKill(path: string): void {
    for (const [one, cell] of this.#cells) {
      if (one !== path && !path.startsWith(`${one}/`)) continue;
      cell.oomKills += 1;
      for (const listener of this.#listeners.get(one) ?? []) listener();
    }
  }

  #cell(path: string): Cell {
    let found = this.#cells.get(path);
    if (found === undefined) {
      const changedAtMs = this.#clock.nowMs();
      found = { values: {}, seen: {}, changedAtMs, processes: new Set(), oomKills: 0 };
      this.#cells.set(path, found);
    }
    return found;
  }

  #below(path: string): readonly string[] {
    return [...this.#cells.keys()].filter((one) => one.startsWith(`${path}/`));
  }

  #createTree(): CgroupTree {
    const at = (names: readonly string[]): Cell | undefined => this.#cells.get(this.pathOf(names));
    return {
      ensure: async (names, values) => {
        for (let depth = 1; depth < names.length; depth += 1) {
          this.#cell(this.pathOf(names.slice(0, depth)));
        }
        const cell = this.#cell(this.pathOf(names));
        const given = Object.entries(values).filter(([, value]) => value !== undefined);
        cell.values = { ...cell.values, ...Object.fromEntries(given) };
      },
      add: async (names, pid) => {
        const cell = at(names);
        if (cell === undefined) throw failure('ENOENT', this.pathOf(names));
        for (const { processes } of this.#cells.values()) processes.delete(pid);
        cell.processes.add(pid);
      },
      limits: async (names) => {
        const cell = at(names);
        return cell && limitsOf(cell);
      },
      memoryUsage: async (names) => {
        const cell = at(names);
        return cell && (cell.seen.memory?.usageBytes ?? 0);
      },
      children: async (names) => {
        const prefix = `${names.length === 0 ? '' : this.pathOf(names)}/`;
        return [...this.#cells.keys()]
          .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
          .map((path) => path.slice(prefix.length));
      },
      kill: async (names) => {
        const path = this.pathOf(names);
        for (const one of [path, ...this.#below(path)]) this.#cells.get(one)?.processes.clear();
      },
      remove: async (names) => {
        const path = this.pathOf(names);
        if (this.isBusy(path)) throw failure('EBUSY', path);
        this.remove(path);
      },
    };
  }

  #createReadings(): CgroupReadings {
    return {
      read: async (path, { full, limits }) => {
        const cell = this.#cells.get(path);
        if (cell === undefined) return undefined;
        const { cpu, memory, devices = [], threads, ioPressure } = cell.seen;
        const processes = processesOf(cell);
        return {
          atMs: this.#clock.nowMs(),
          cpu: { ...NO_CPU, ...cpu },
          memory: { ...NO_MEMORY, ...memory },
          threads: threads ?? processes.length,
          ioPressure,
          limits: limits ?? { ...figuresOf(cell), ...cell.seen.limits },
          devices: full ? devices : undefined,
          processes: full ? processes.length : undefined,
        };
      },
      workingSetBytes: async (path) => {
        const cell = this.#cells.get(path);
        return cell && (cell.seen.memory?.workingSetBytes ?? 0);
      },
      processOf: async (path) => {
        const cell = this.#cells.get(path);
        return cell && processesOf(cell)[0];
      },
      changedAtMs: async (path) => {
        const cell = this.#cells.get(path);
        return cell && (cell.seen.changedAtMs ?? cell.changedAtMs);
      },
    };
  }
}

function processesOf({ seen, processes }: Cell): readonly number[] {
  return [...(seen.processes ?? []), ...processes];
}

/** A limit that was never given has the kernel's default. */
function limitsOf({ values }: Cell): CgroupLimits {
  const { cpuShares = 1024, cpuPeriodUs = 100_000, cpuQuotaUs = -1 } = values;
  const { memoryLimitBytes = -1, memoryMinBytes = 0, memoryLowBytes = 0, pidsMax = -1 } = values;
  const memory = { memoryLimitBytes, memoryMinBytes, memoryLowBytes };
  return { cpuShares, cpuPeriodUs, cpuQuotaUs, ...memory, pidsMax };
}

function figuresOf(cell: Cell): LimitFigures {
  const { cpuShares, cpuPeriodUs, cpuQuotaUs, memoryLimitBytes } = limitsOf(cell);
  return {
    ...{ cpuShares, cpuPeriodUs, cpuQuotaUs: unlessNone(cpuQuotaUs) },
    ...{ memoryBytes: unlessNone(memoryLimitBytes), threads: unlessNone(cell.values.pidsMax) },
    ...{ swapBytes: undefined, memoryReservationBytes: undefined },
  };
}

function unlessNone(limit: number | undefined): number | undefined {
  return limit === undefined || limit < 0 ? undefined : limit;
}

function failure(code: 'ENOENT' | 'EBUSY', path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
