import { type Clock, Wake } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import type { CgroupEvents } from '../ports.js';

/** Kills are found by reading event counters, so a report is at most one period late. */
export interface OomWatchOptions {
  readonly events: CgroupEvents;
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** The longest time between two looks, in milliseconds; 1,000 when absent. */
  readonly periodMs?: number;
}

const PERIOD_MS = 1000;

/**
 * Reports processes that the kernel kills for want of memory in a cgroup, until the signal fires or
 * the cgroup is gone. Version 2 reports them at once; in version 1, whose notifications need a kind of
 * file descriptor that Node.js cannot make, the counter is read in each period.
 *
 * @param path as of `Cgroups.pathOf`
 * @param onKills how many were killed since the last call; not called for those before the watch
 * @returns `gone` also where there is nothing to watch from the beginning
 */
export async function watchOomKills(
  { events, clock = createSystemClock(), periodMs = PERIOD_MS }: OomWatchOptions,
  path: string,
  onKills: (count: number) => void,
  signal: AbortSignal,
): Promise<'gone' | 'aborted'> {
  const wake = new Wake();
  const stop = events.onMemoryEvent(path, () => wake.wake());
  try {
    let before: number | undefined;
    while (!signal.aborted) {
      const now = await events.oomKills(path);
      if (now === undefined) return 'gone';
      if (before !== undefined && now > before) onKills(now - before);
      before = now;
      await wake.waitAtMost(periodMs, clock, signal);
    }
    return 'aborted';
  } finally {
    stop();
  }
}
