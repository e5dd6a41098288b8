import type { CgroupLimits, CgroupValues } from './plan/cgroup-values.js';

/** The machine's cgroup hierarchies; a cgroup is its names from the root. */
export interface CgroupTree {
  /** Makes it and what is above it, in every hierarchy that has a controller we set. */
  ensure(names: readonly string[], values: CgroupValues): Promise<void>;
  /** @returns undefined when there is no such cgroup */
  limits(names: readonly string[]): Promise<CgroupLimits | undefined>;
  /** In bytes, the page cache included; undefined when there is no such cgroup. */
  memoryUsage(names: readonly string[]): Promise<number | undefined>;
  /** Names of what lies directly below, as the hierarchies have them; none when it does not exist. */
  children(names: readonly string[]): Promise<readonly string[]>;
  /** SIGKILL to every process in it and below it. */
  kill(names: readonly string[]): Promise<void>;
  /** Removes it with what is below it; gone already is fine. */
  remove(names: readonly string[]): Promise<void>;
}
