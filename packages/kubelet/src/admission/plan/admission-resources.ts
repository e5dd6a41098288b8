import { type Quantity, quantityToMilli, quantityToUnits } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { type Amounts, amountsOf, podRequests, sum } from '../../pod/index.js';
import type { AdmissionContext, Shortage } from '../model/context.js';

/** Checked first, in this order; the other resources follow by name. */
const FIRST = ['cpu', 'memory', 'ephemeral-storage'];

/**
 * The allocatable resources that are too small for the pod. Extended resources that the node does
 * not list are ignored.
 */
export function shortages(pod: Pod, { node, others }: AdmissionContext): readonly Shortage[] {
  const capacity = amountsOf(node?.status?.allocatable);
  const found: Shortage[] = [];
  const pods = capacity.get('pods');
  if (pods !== undefined && quantityToUnits(pods) < others.length + 1) {
    const used = others.length;
    found.push({ resource: 'pods', requested: 1, used, capacity: quantityToUnits(pods) });
  }
  const wanted = podRequests(pod);
  const names = [...FIRST, ...[...wanted.keys()].filter((name) => !FIRST.includes(name)).sort()];
  const asked = names.filter((name) => (wanted.get(name) ?? 0n) > 0n);
  if (asked.length === 0) return found;
  const used = others.map(podRequests).reduce<Amounts>(sum, new Map());
  for (const resource of asked) {
    const has = capacity.get(resource);
    if (has === undefined && isExtended(resource)) continue;
    const shown = (amount: Quantity): number => amountShown(resource, amount);
    const requested = shown(wanted.get(resource) ?? 0n);
    const taken = shown(used.get(resource) ?? 0n);
    const total = shown(has ?? 0n);
    if (requested + taken > total) {
      found.push({ resource, requested, used: taken, capacity: total });
    }
  }
  return found;
}

/** The pod's request for a resource, in the unit of {@link Shortage}. */
export function requestOf(pod: Pod, resource: string): number {
  if (resource === 'pods') return 1;
  return amountShown(resource, podRequests(pod).get(resource) ?? 0n);
}

function amountShown(resource: string, amount: Quantity): number {
  return resource === 'cpu' ? quantityToMilli(amount) : quantityToUnits(amount);
}

/** A vendor's resource, such as `example.com/gpu`. */
function isExtended(resource: string): boolean {
  return resource.includes('/') && !/(^|\.)kubernetes\.io\//.test(resource);
}
