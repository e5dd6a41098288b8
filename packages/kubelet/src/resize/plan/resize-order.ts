import type { Pod } from '@nodeagent/kube-client';

import { podRequests, qosClass } from '../../pod/index.js';

/** A pod that requests other resources than it has. */
export interface ResizeWish {
  /** As its source has it. */
  readonly desired: Pod;
  /** With its allocation. */
  readonly allocated: Pod;
  /** The time since which it waits; undefined if it was never refused. */
  readonly waitsSinceMs: number | undefined;
}

/**
 * Orders resizes: first those that request no more than they have, then by priority, then
 * guaranteed pods, then by waiting time.
 *
 * @see Kubernetes 1.36 pkg/kubelet/allocation/allocation_manager.go, sortPendingResizes
 */
export function compareWishes(a: ResizeWish, b: ResizeWish): number {
  return (
    Number(asksForMore(a)) - Number(asksForMore(b)) ||
    priorityOf(b) - priorityOf(a) ||
    Number(isGuaranteed(b)) - Number(isGuaranteed(a)) ||
    compareWaits(a.waitsSinceMs, b.waitsSinceMs)
  );
}

function compareWaits(a: number | undefined, b: number | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  return b === undefined ? -1 : a - b;
}

function asksForMore({ desired, allocated }: ResizeWish): boolean {
  const [wanted, has] = [podRequests(desired), podRequests(allocated)];
  return ['cpu', 'memory'].some((name) => (wanted.get(name) ?? 0n) > (has.get(name) ?? 0n));
}

function priorityOf({ desired }: ResizeWish): number {
  return desired.spec?.priority ?? 0;
}

function isGuaranteed({ desired }: ResizeWish): boolean {
  return qosClass(desired) === 'Guaranteed';
}
