import type { NodePressure } from '../../pod/index.js';
import { type Signal, SIGNALS } from '../model/signal.js';
import type { NodeFigures, Observation } from '../model/snapshot.js';
import { amountOf, type EvictionThreshold, thresholdKey } from '../model/threshold.js';

/** Facts that one pass passes on to the next. */
export interface EvictionHistory {
  /** Since when each threshold has been crossed without interruption, by its key. */
  readonly crossedSinceMs: ReadonlyMap<string, number>;
  /** When a threshold of each condition was last crossed. */
  readonly pressedAtMs: ReadonlyMap<NodePressure, number>;
  /** Thresholds on which the last pass acted, by key. */
  readonly acted: ReadonlySet<string>;
  /** Times of the last pass's observations. */
  readonly observedAtMs: ReadonlyMap<Signal, number | undefined>;
}

export const NO_HISTORY: EvictionHistory = {
  crossedSinceMs: new Map(),
  pressedAtMs: new Map(),
  acted: new Set(),
  observedAtMs: new Map(),
};

export interface PassInput {
  readonly thresholds: readonly EvictionThreshold[];
  readonly figures: NodeFigures;
  readonly history: EvictionHistory;
  /** `evictionPressureTransitionPeriod` */
  readonly transitionMs: number;
  readonly nowMs: number;
}

/** A threshold that something must be done about. */
export interface DueThreshold extends EvictionThreshold {
  readonly observation: Observation;
  /** The limit in the units of the observation. */
  readonly amount: number;
}

export interface Pass {
  readonly history: EvictionHistory;
  readonly pressure: ReadonlySet<NodePressure>;
  /** Memory first: it kills the node soonest. */
  readonly due: readonly DueThreshold[];
}

/**
 * Judges the node's figures: which conditions it has, and which thresholds have been crossed for so
 * long that resources must be reclaimed.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/eviction_manager.go, synchronize
 */
export function planPass(input: PassInput): Pass {
  const { thresholds, figures, history, transitionMs, nowMs } = input;
  const crossed = thresholds.filter((each) => isCrossed(each, input));
  const since = new Map(
    crossed.map((each) => {
      const key = thresholdKey(each);
      return [key, history.crossedSinceMs.get(key) ?? nowMs] as const;
    }),
  );
  const pressedAtMs = new Map(history.pressedAtMs);
  for (const { signal } of crossed) pressedAtMs.set(SIGNALS[signal].condition, nowMs);
  const lasting = crossed.filter(
    (each) => nowMs - (since.get(thresholdKey(each)) ?? nowMs) >= each.graceMs,
  );
  const due = lasting
    .filter(({ signal }) => isNew(signal, input))
    .flatMap((each): DueThreshold[] => {
      const observation = figures.get(each.signal);
      if (observation === undefined) return [];
      return [{ ...each, observation, amount: amountOf(each.limit, observation.capacity) }];
    })
    .sort((a, b) => Number(isMemory(b)) - Number(isMemory(a)));
  return {
    history: {
      crossedSinceMs: since,
      pressedAtMs,
      acted: new Set(lasting.map(thresholdKey)),
      observedAtMs: new Map([...figures].map(([signal, { atMs }]) => [signal, atMs])),
    },
    pressure: new Set(
      [...pressedAtMs].filter(([, atMs]) => nowMs - atMs < transitionMs).map(([name]) => name),
    ),
    due,
  };
}

/** Returns whether any threshold is still crossed, with its reclaim and without its grace period. */
export function isStillPressed(
  thresholds: readonly EvictionThreshold[],
  figures: NodeFigures,
): boolean {
  return thresholds.some((each) => isBelow(each, figures, true));
}

/** Returns whether the figures cross a threshold that they did not cross in the last pass. */
export function hasNewlyCrossed(
  thresholds: readonly EvictionThreshold[],
  figures: NodeFigures,
  { crossedSinceMs }: EvictionHistory,
): boolean {
  return thresholds.some(
    (each) => !crossedSinceMs.has(thresholdKey(each)) && isBelow(each, figures, false),
  );
}

/** A threshold that was acted on counts as crossed until its reclaim is reached, too. */
function isCrossed(each: EvictionThreshold, { figures, history }: PassInput): boolean {
  return isBelow(each, figures, history.acted.has(thresholdKey(each)));
}

function isBelow(
  { signal, limit, reclaim }: EvictionThreshold,
  figures: NodeFigures,
  withReclaim: boolean,
): boolean {
  const seen = figures.get(signal);
  if (seen === undefined) return false;
  const extra = withReclaim && reclaim !== undefined ? amountOf(reclaim, seen.capacity) : 0;
  return amountOf(limit, seen.capacity) + extra > seen.available;
}

/** An old figure says nothing about what the last eviction has reclaimed. */
function isNew(signal: Signal, { figures, history }: PassInput): boolean {
  const nowMs = figures.get(signal)?.atMs;
  const beforeMs = history.observedAtMs.get(signal);
  return nowMs === undefined || beforeMs === undefined || nowMs > beforeMs;
}

const isMemory = ({ signal }: EvictionThreshold): boolean => SIGNALS[signal].resource === 'memory';
