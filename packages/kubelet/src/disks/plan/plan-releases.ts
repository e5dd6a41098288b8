/** A volume on this node: the actual state. */
export interface HeldVolume<V> {
  readonly volume: V;
  /** A pod has it or will have it: the desired state. */
  readonly isUsed: boolean;
  /** Milliseconds until it may be released after a failure; undefined if none has failed. */
  readonly waitMs: number | undefined;
}

export interface ReleasePlan<V> {
  /** The volumes to unstage now. */
  readonly release: readonly V[];
  /** Milliseconds until the next plan, at most. */
  readonly waitMs: number;
}

/**
 * Plans the end of the volumes that no pod has: after a failure each by its own wait, the others,
 * which a killed kubelet left, with the next sweep.
 */
export function planReleases<V>(held: readonly HeldVolume<V>[], sweepInMs: number): ReleasePlan<V> {
  const unused = held.filter(({ isUsed }) => !isUsed);
  const waits = unused.map(({ volume, waitMs = sweepInMs }) => ({ volume, waitMs }));
  return {
    release: waits.filter(({ waitMs }) => waitMs <= 0).map(({ volume }) => volume),
    waitMs: Math.max(0, Math.min(sweepInMs, ...waits.map(({ waitMs }) => waitMs))),
  };
}
