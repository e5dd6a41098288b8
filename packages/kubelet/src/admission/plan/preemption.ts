import type { Pod } from '@nodeagent/kube-client';

import { isCritical, type QosClass, qosClass } from '../../pod/index.js';
import type { Shortage } from '../model/context.js';
import { requestOf } from './admission-resources.js';

/** The amount of each resource that must still be freed. */
type Needs = readonly Readonly<{ resource: string; quantity: number }>[];

export type Preemption =
  Readonly<{ kind: 'victims'; pods: readonly Pod[] }> | Readonly<{ kind: 'none'; why: string }>;

/**
 * The pods that must end so that a critical one fits: as few and as small as possible, and lower
 * QoS classes before higher ones.
 *
 * @see Kubernetes 1.36 pkg/kubelet/preemption/preemption.go
 */
export function chooseVictims(
  preemptor: Pod,
  shortages: readonly Shortage[],
  others: readonly Pod[],
): Preemption {
  const needs: Needs = shortages.map(({ resource, requested, used, capacity }) => {
    return { resource, quantity: requested - (capacity - used) };
  });
  const candidates = others.filter((other) => mayPreempt(preemptor, other));
  const of = (wanted: QosClass): readonly Pod[] =>
    candidates.filter((pod) => qosClass(pod) === wanted);
  const [bestEffort, burstable, guaranteed] = [of('BestEffort'), of('Burstable'), of('Guaranteed')];
  const unmet = without(needs, candidates);
  if (unmet.length > 0) {
    const shown = unmet.map(({ resource, quantity }) => `(res: ${resource}, q: ${quantity}), `);
    const why = `no set of running pods found to reclaim resources: [${shown.join('')}]`;
    return { kind: 'none', why };
  }
  const high = nearest(guaranteed, without(needs, [...bestEffort, ...burstable]));
  const middle = nearest(burstable, without(needs, [...bestEffort, ...high]));
  const low = nearest(bestEffort, without(needs, [...middle, ...high]));
  return { kind: 'victims', pods: [...low, ...middle, ...high] };
}

function mayPreempt(preemptor: Pod, other: Pod): boolean {
  if (isCritical(preemptor) && !isCritical(other)) return true;
  const [own, its] = [preemptor.spec?.priority, other.spec?.priority];
  return own !== undefined && its !== undefined && own > its;
}

function without(needs: Needs, pods: readonly Pod[]): Needs {
  return needs
    .map(({ resource, quantity }) => {
      const freed = pods.reduce((total, pod) => total + requestOf(pod, resource), 0);
      return { resource, quantity: quantity - freed };
    })
    .filter(({ quantity }) => quantity > 0);
}

/** Repeatedly takes the pod that comes nearest to the remaining need, until the need is met. */
function nearest(pods: readonly Pod[], needed: Needs): readonly Pod[] {
  const left = [...pods];
  const taken: Pod[] = [];
  let needs = needed;
  while (needs.length > 0 && left.length > 0) {
    let best = 0;
    left.forEach((pod, i) => {
      const champion = left[best] ?? pod;
      const gain = distance(champion, needs) - distance(pod, needs);
      if (gain > 0 || (gain === 0 && isSmaller(pod, champion))) best = i;
    });
    const [chosen] = left.splice(best, 1);
    if (chosen === undefined) break;
    taken.push(chosen);
    needs = without(needs, [chosen]);
  }
  return taken;
}

/** 0 if the pod frees everything that is needed; each resource of which it frees nothing adds 1. */
function distance(pod: Pod, needs: Needs): number {
  return needs.reduce((total, { resource, quantity }) => {
    const missing = Math.max(0, quantity - requestOf(pod, resource));
    return total + (missing / quantity) ** 2;
  }, 0);
}

/**
 * Compares memory requests, then CPU requests; of two equal pods the later one counts as smaller.
 */
function isSmaller(pod: Pod, than: Pod): boolean {
  for (const resource of ['memory', 'cpu']) {
    const gap = requestOf(pod, resource) - requestOf(than, resource);
    if (gap !== 0) return gap < 0;
  }
  return true;
}
