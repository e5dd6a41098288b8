import { formatQuantity } from '@nodeagent/base';

import type { Signal } from '../model/signal.js';
import {
  type EvictionExplanation,
  type ExplainedPod,
  type ExplainedThreshold,
  isInBytes,
} from '../plan/explain-eviction.js';

const STEPS = {
  removeDeadContainers: 'removes ended containers',
  removeUnusedImages: 'removes unused images',
} as const;

const MI = 2 ** 20;

/** An explanation for human readers. */
export function renderEviction(explanation: EvictionExplanation): string {
  const { signal, order, steps, message, overLimits, pressure, thresholds } = explanation;
  const isDue = thresholds.some((each) => each.isCrossed && each.signal === signal);
  const when = isDue ? 'now' : 'if it fell below its threshold';
  return [
    `pressure: ${pressure.length === 0 ? 'none' : pressure.join(', ')}\n`,
    `thresholds (disks: ${explanation.layout}):`,
    ...thresholds.map(threshold),
    ...(thresholds.length === 0 ? ['  none'] : []),
    '',
    ...overLimits.map(
      (each) => `pod ${each.namespace}/${each.name} goes at once: ${each.message.trim()}\n`,
    ),
    `for ${signal}, ${when}, the kubelet`,
    ...[...steps.map((step) => STEPS[step]), 'ends pods in this order until there is enough:'].map(
      (line, at) => `  ${at + 1}. ${line}`,
    ),
    ...order.map((each, at) => `     ${at + 1}. ${pod(each, signal)}`),
    ...(order.length === 0 ? ['     there is no pod'] : []),
    ...(message === undefined ? [] : ['', `message: ${message}`]),
    '',
  ].join('\n');
}

function threshold({ signal, amount, available, graceMs, isCrossed }: ExplainedThreshold): string {
  const kind = graceMs === 0 ? 'hard' : `soft, after ${graceMs / 1000} s`;
  if (amount === undefined || available === undefined) return `  ${signal} (${kind}): unknown`;
  const state = isCrossed ? 'CROSSED' : 'ok';
  const [has, needs] = [available, amount].map((count) => shown(count, signal));
  return `  ${signal} (${kind}): ${has} available, at least ${needs} wanted: ${state}`;
}

function pod(each: ExplainedPod, signal: Signal): string {
  const { namespace, name, priority, used, requested, isOver, isCritical } = each;
  const why = [
    used === undefined
      ? 'it has no figures yet'
      : `it uses ${shown(used, signal)} and requests ${shown(requested, signal)}${isOver ? ', more than it requests' : ''}`,
    `priority ${priority}`,
    ...(isCritical ? ['critical: never evicted'] : []),
  ];
  return `${namespace}/${name}: ${why.join('; ')}`;
}

function shown(count: number, signal: Signal): string {
  if (!isInBytes(signal)) return String(count);
  return count % MI === 0
    ? formatQuantity(BigInt(count) * 1_000_000_000n, 'binary')
    : `${(count / MI).toFixed(1)}Mi`;
}
