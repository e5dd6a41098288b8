import type { CgroupLimits, CgroupValues } from './model/limits.js';
import type { CgroupUsage, LimitFigures } from './model/usage.js';

/** Creates, limits and removes cgroups; a cgroup is identified by its names from the root. */
export interface CgroupTree {
  /**
   * Sets values on a cgroup. Creates it and its parents where they are missing, in every hierarchy
   * whose controller this package sets.
   *
   * @throws {CgroupError} `CGROUP_NOT_MOUNTED`: version 1 lacks a controller
   */
  ensure(names: readonly string[], values: CgroupValues): Promise<void>;
  /** Puts a process into it, with all its threads. */
  add(names: readonly string[], pid: number): Promise<void>;
  /** @returns undefined when there is no such cgroup */
  limits(names: readonly string[]): Promise<CgroupLimits | undefined>;
  /** In bytes, the page cache included; undefined when there is no such cgroup. */
  memoryUsage(names: readonly string[]): Promise<number | undefined>;
  /** Names of what lies directly below, as the hierarchies have them; none when it does not exist. */
  children(names: readonly string[]): Promise<readonly string[]>;
  /** SIGKILL to every process in it and below it. */
  kill(names: readonly string[]): Promise<void>;
  /** Removes it with what is below it; gone already is fine. @throws EBUSY while processes are in it */
  remove(names: readonly string[]): Promise<void>;
}

/** Statistics of cgroups. A path is valid in all hierarchies: `/kubepods/burstable/pod1`. */
export interface CgroupReadings {
  /**
   * @param how `full`: also disks, processes, peaks and throttling, not only CPU, memory and threads;
   *   `limits`: those of an earlier reading, which saves reading them again
   * @returns undefined where there is no such cgroup (any more)
   */
  read(
    path: string,
    how: Readonly<{ full: boolean; limits: LimitFigures | undefined }>,
  ): Promise<CgroupUsage | undefined>;
  /**
   * The memory that is used and cannot be taken back at once: all but inactive pages of files. Costs
   * a quarter of what `read` does.
   *
   * @returns bytes; undefined where there is no such cgroup (any more)
   */
  workingSetBytes(path: string): Promise<number | undefined>;
  /** A process in it, itself or below; undefined when it has none. */
  processOf(path: string): Promise<number | undefined>;
  /** When it was last changed, which for most is when it was made: ms since the Unix epoch. */
  changedAtMs(path: string): Promise<number | undefined>;
}

/** Events in cgroups; {@link watchOomKills} is the loop over them. */
export interface CgroupEvents {
  /**
   * Counts the processes that the kernel has killed at the memory limit since the cgroup was made:
   * in it and below it in version 2, in the cgroup itself in version 1.
   *
   * @returns undefined when there is no such cgroup, and where the kernel does not count (before 4.13)
   */
  oomKills(path: string): Promise<number | undefined>;
  /**
   * Calls back on a memory event of the cgroup. Only version 2 reports these.
   *
   * @returns a function that stops the calls
   */
  onMemoryEvent(path: string, listener: () => void): () => void;
}

/** Everything about the cgroups of one machine. */
export interface Cgroups {
  readonly version: 1 | 2;
  readonly tree: CgroupTree;
  readonly readings: CgroupReadings;
  readonly events: CgroupEvents;
  /** The path of a cgroup, as its driver writes the names. */
  pathOf(names: readonly string[]): string;
}

/** A tree as its driver opens it. */
export interface OpenTree {
  readonly version: 1 | 2;
  readonly tree: CgroupTree;
  /** The path of a cgroup, as its driver writes the names. */
  readonly pathOf: (names: readonly string[]) => string;
  /** Tells the limits that the kernel has after these were set: systemd rounds a quota. */
  readonly expected: (values: CgroupValues) => CgroupValues;
  /** Sets limits again that the kernel has otherwise, in every way that there is. */
  readonly correct: (names: readonly string[], values: CgroupValues) => Promise<void>;
  /**
   * Calls back when another program may have overwritten limits, until the signal fires. Absent:
   * nobody does.
   */
  readonly watchOverwrites?: (onOverwrite: () => void, signal: AbortSignal) => Promise<void>;
}
