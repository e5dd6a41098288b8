import type { Pod } from '@nodeagent/kube-client';

import { isCritical, type NodePressure, podName, podNamespace, podUid } from '../../pod/index.js';
import type { RecordedNode } from '../codec/summary.js';
import { type Signal, SIGNALS } from '../model/signal.js';
import { amountOf, type EvictionThreshold } from '../model/threshold.js';
import { NO_HISTORY, planPass } from './pass.js';
import { type RankedPod, rankPods } from './rank.js';
import { type ReclaimStep, reclaimSteps } from './reclaim.js';
import { type Excess, storageExcess } from './storage-limits.js';
import { withLayerThresholds } from './thresholds.js';
import { thresholdEviction } from './verdict.js';

/** A threshold and the node's figure. */
export interface ExplainedThreshold {
  readonly signal: Signal;
  readonly graceMs: number;
  /** In the units of the signal. */
  readonly amount: number | undefined;
  /** Undefined if the summary has no such figure. */
  readonly available: number | undefined;
  readonly isCrossed: boolean;
}

/** A pod in the order of eviction. */
export interface ExplainedPod extends Pick<
  RankedPod,
  'priority' | 'used' | 'requested' | 'isOver'
> {
  readonly namespace: string;
  readonly name: string;
  /** Critical pods are passed over. */
  readonly isCritical: boolean;
}

export interface ExplainedLimit extends Excess {
  readonly namespace: string;
  readonly name: string;
}

/** The decisions of one eviction pass over a recorded node. */
export interface EvictionExplanation {
  readonly layout: RecordedNode['layout'];
  readonly pressure: readonly NodePressure[];
  readonly thresholds: readonly ExplainedThreshold[];
  /** Pods that exceed their own limits of local storage: they go at once. */
  readonly overLimits: readonly ExplainedLimit[];
  /** The signal by which the pods are ordered. */
  readonly signal: Signal;
  /** Steps before any pod is ended. */
  readonly steps: readonly ReclaimStep[];
  readonly order: readonly ExplainedPod[];
  /** Message of the pod that would be ended; undefined while nothing is due. */
  readonly message: string | undefined;
}

/**
 * Explains who would be evicted from a recorded node, and why. Grace periods of soft thresholds
 * count as over.
 *
 * @param by the signal to order pods by; default: the first that is due, or else memory
 */
export function explainEviction(
  { figures, layout, pods: recorded }: RecordedNode,
  pods: readonly Pod[],
  configured: readonly EvictionThreshold[],
  by?: Signal,
): EvictionExplanation {
  const thresholds = withLayerThresholds(configured, layout);
  const now = thresholds.map((each) => ({ ...each, graceMs: 0 }));
  const pass = planPass({
    ...{ thresholds: now, figures, history: NO_HISTORY, transitionMs: 1, nowMs: 0 },
  });
  const [first, ...rest] = pass.due;
  const signal = by ?? first?.signal ?? 'memory.available';
  const measured = pods.map((pod) => ({ pod, figures: recorded.get(podUid(pod)) }));
  const order = rankPods(measured, signal, layout);
  const victim = order.find(({ pod }) => !isCritical(pod));
  const due = [first, ...rest].find((each) => each?.signal === signal);
  return {
    layout,
    pressure: [...pass.pressure],
    thresholds: thresholds.map(({ signal: of, limit, graceMs }): ExplainedThreshold => {
      const seen = figures.get(of);
      const amount = seen && amountOf(limit, seen.capacity);
      const isCrossed = seen !== undefined && amount !== undefined && amount > seen.available;
      return { signal: of, graceMs, amount, available: seen?.available, isCrossed };
    }),
    overLimits: measured.flatMap(({ pod, figures: used }): ExplainedLimit[] => {
      const excess = used === undefined ? undefined : storageExcess(pod, used, layout);
      return excess === undefined || isCritical(pod) ? [] : [{ ...excess, ...nameOf(pod) }];
    }),
    signal,
    steps: reclaimSteps(signal, layout),
    order: order.map(({ pod, priority, used, requested, isOver }) => ({
      ...nameOf(pod),
      ...{ priority, used, requested, isOver, isCritical: isCritical(pod) },
    })),
    message:
      victim === undefined || due === undefined
        ? undefined
        : thresholdEviction(victim.pod, victim.figures, [due, ...pass.due]).verdict.message.trim(),
  };
}

/** Resource by which a signal orders pods, for the units of its figures. */
export function isInBytes(signal: Signal): boolean {
  const { resource } = SIGNALS[signal];
  return resource === 'memory' || resource === 'ephemeral-storage';
}

function nameOf(pod: Pod): Readonly<{ namespace: string; name: string }> {
  return { namespace: podNamespace(pod), name: podName(pod) };
}
