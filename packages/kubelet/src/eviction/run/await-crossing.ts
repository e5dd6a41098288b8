import type { Clock } from '@nodeagent/base';

import type { NodeFigures } from '../model/snapshot.js';
import type { EvictionThreshold } from '../model/threshold.js';
import { nextLookMs } from '../plan/next-look.js';
import { type EvictionHistory, hasNewlyCrossed } from '../plan/pass.js';
import type { NodeGauge } from '../ports.js';

export interface Rest {
  readonly gauge: Pick<NodeGauge, 'soonScarce'>;
  readonly clock: Clock;
  readonly thresholds: readonly EvictionThreshold[];
  readonly cpuCount: number;
  /** Figures and findings of the last pass. */
  readonly figures: NodeFigures;
  readonly history: EvictionHistory;
  /** Does not look before. */
  readonly leastMs: number;
  readonly mostMs: number;
  /** Called when a look fails; there is none afterwards. */
  readonly onError: (error: unknown) => void;
}

const UNKNOWN: NodeFigures = new Map();

/**
 * Waits until memory or processes fall below a threshold that they had not crossed in the last pass,
 * or the longest time is over. The kernel's own notifications cannot be used: see
 * docs/decisions/0010-looks-instead-of-memory-notifications.md.
 */
export async function awaitCrossing(
  rest: Rest,
  signal: AbortSignal,
): Promise<'crossed' | 'elapsed' | 'aborted'> {
  const { gauge, clock, thresholds, cpuCount, history, leastMs, mostMs, onError } = rest;
  const endMs = clock.monotonicMs() + mostMs;
  let { figures } = rest;
  let pauseMs = Math.max(leastMs, nextLookMs({ thresholds, figures, history, cpuCount }));
  while (clock.monotonicMs() + pauseMs < endMs) {
    if ((await clock.sleep(pauseMs, signal)) === 'aborted') return 'aborted';
    try {
      figures = await gauge.soonScarce();
    } catch (error) {
      onError(error);
      figures = UNKNOWN;
    }
    if (hasNewlyCrossed(thresholds, figures, history)) return 'crossed';
    pauseMs = nextLookMs({ thresholds, figures, history, cpuCount });
  }
  return clock.sleep(Math.max(0, endMs - clock.monotonicMs()), signal);
}
