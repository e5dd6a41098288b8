import { NODES, type Pod, PODS } from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import { isDeleting, nameOf, sortedWhere, uidOf } from './objects.js';

/** How long a pod may refer to a missing node: the node may be about to register. */
const PATIENCE_MS = 40_000;

/** For each missing node that pods refer to, the time since when it has been missing. */
export type MissingNodes = ReadonlyMap<string, number>;

export function noteMissingNodes(
  before: MissingNodes,
  view: View,
  monotonicMs: number,
): MissingNodes {
  const named = [...view.pods.values()].map(({ spec }) => spec?.nodeName ?? '');
  const missing = named.filter((node) => node !== '' && !view.nodes.has(node));
  return new Map(missing.map((node) => [node, before.get(node) ?? monotonicMs]));
}

/**
 * Deletes pods that no kubelet will ever finish: those deleted before they had a node, or bound to
 * a node that has been gone for 40 s.
 *
 * @see Kubernetes 1.36 pkg/controller/podgc/gc_controller.go
 */
export function planLostPods(view: View, missing: MissingNodes, monotonicMs: number): Plan {
  const waits = [...missing.values()]
    .map((sinceMs) => sinceMs + PATIENCE_MS - monotonicMs)
    .filter((leftMs) => leftMs > 0);
  const isSuspect = ({ spec }: Pod): boolean => {
    const node = spec?.nodeName ?? '';
    return node === '' || missing.has(node);
  };
  const actions = sortedWhere(view.pods.values(), isSuspect).flatMap((pod): readonly Action[] => {
    const node = pod.spec?.nodeName ?? '';
    const name = nameOf(pod);
    const uid = uidOf(pod);
    if (node === '') {
      if (!isDeleting(pod)) return [];
      const options = { uid, gracePeriodSeconds: 0 };
      const why = 'deleted before it had a node';
      return [{ kind: 'delete', resource: PODS, name, options, why }];
    }
    const sinceMs = missing.get(node);
    if (sinceMs === undefined || monotonicMs - sinceMs < PATIENCE_MS) return [];
    const owners = [
      { resource: NODES, reference: { apiVersion: 'v1', kind: 'Node', name: node, uid: '' } },
    ];
    const why = `its node ${node} is gone`;
    return [{ kind: 'collect', resource: PODS, name, uid, owners, gracePeriodSeconds: 0, why }];
  });
  return waits.length === 0 ? { actions } : { actions, againInMs: Math.min(...waits) };
}
