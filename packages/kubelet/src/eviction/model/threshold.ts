import type { Threshold } from '../../config/index.js';
import type { Signal } from './signal.js';

/** A limit that the node must not fall below. */
export interface EvictionThreshold {
  readonly signal: Signal;
  readonly limit: Threshold;
  /** How long the node may be below the limit; 0 for a hard threshold. */
  readonly graceMs: number;
  /** The node must rise this far above the limit before it counts as recovered. */
  readonly reclaim: Threshold | undefined;
}

/** Returns an amount as a number of units; fractions are those of the capacity. */
export function amountOf(threshold: Threshold, capacity: number): number {
  if ('bytes' in threshold) return threshold.bytes;
  return Math.trunc(capacity * threshold.fraction);
}

/** Identifies a threshold: a signal may have a hard one and a soft one. */
export function thresholdKey({ signal, graceMs }: EvictionThreshold): string {
  return `${signal} ${graceMs}`;
}
