/** Counts of the kernel since the machine started. */
export interface OomCounts {
  /** Processes that it ended for want of memory, at the limit of a cgroup or of the machine. */
  readonly kills: number;
  /** Occasions on which a cgroup had no memory left within its limit, in all cgroups together. */
  readonly atLimits: number;
}

/**
 * Returns the number of processes that were ended between two counts because the whole machine was
 * out of memory. While cgroups were at their limits too, all kills count as theirs.
 */
export function killsOfMachine(before: OomCounts, now: OomCounts): number {
  return now.atLimits === before.atLimits ? Math.max(0, now.kills - before.kills) : 0;
}
