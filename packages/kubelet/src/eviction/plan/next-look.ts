import type { Signal } from '../model/signal.js';
import type { NodeFigures } from '../model/snapshot.js';
import { amountOf, type EvictionThreshold, thresholdKey } from '../model/threshold.js';
import type { EvictionHistory } from './pass.js';

/** Signals that a look reads, with the most that one busy CPU can use up in a second. */
const FASTEST: ReadonlyMap<Signal, number> = new Map<Signal, number>([
  ['memory.available', 4 * 2 ** 30],
  ['allocatableMemory.available', 4 * 2 ** 30],
  ['pid.available', 20_000],
]);

/** A look costs about 20 µs of CPU: 0.02 % of a core at the shortest pause. */
export const SHORTEST_LOOK_MS = 100;

export interface LookInput {
  readonly thresholds: readonly EvictionThreshold[];
  readonly figures: NodeFigures;
  readonly history: EvictionHistory;
  readonly cpuCount: number;
}

/**
 * The time until a threshold of memory or processes can have been crossed, if every CPU did nothing
 * but use them up. At least {@link SHORTEST_LOOK_MS}; infinite if nothing can be crossed.
 */
export function nextLookMs({ thresholds, figures, history, cpuCount }: LookInput): number {
  const times = thresholds.flatMap((each): number[] => {
    const fastest = FASTEST.get(each.signal);
    const seen = figures.get(each.signal);
    if (fastest === undefined || seen === undefined) return [];
    if (history.crossedSinceMs.has(thresholdKey(each))) return [];
    const left = seen.available - amountOf(each.limit, seen.capacity);
    return [(left / (fastest * cpuCount)) * 1000];
  });
  return Math.max(SHORTEST_LOOK_MS, Math.min(Infinity, ...times));
}
