import type { Clock } from '@nodeagent/base';

import type { ApiObject } from '../model/object.js';

/** Knows which bindings of pods to nodes the node authorizer has noticed. */
export interface NoticedBindings {
  /** @param all every existing pod: records of other pods are dropped */
  includes(pod: ApiObject, all: readonly ApiObject[]): boolean;
}

export const ALL_BINDINGS: NoticedBindings = { includes: () => true };

/**
 * Creates a node authorizer that lags: it learns of a binding this long after it was first asked
 * about the pod. Kubernetes' own learns of it by a watch, and refuses nodes that ask sooner.
 *
 * @see Kubernetes 1.36 plugin/pkg/auth/authorizer/node/graph_populator.go
 */
export function createLateBindings(clock: Clock, lagMs: number): NoticedBindings {
  const firstAskedMs = new Map<string, number>();
  return {
    includes: (pod, all) => {
      const known = new Set(all.map(({ metadata }) => metadata.uid));
      for (const uid of firstAskedMs.keys()) if (!known.has(uid)) firstAskedMs.delete(uid);
      const uid = pod.metadata.uid ?? '';
      const nowMs = clock.monotonicMs();
      const askedMs = firstAskedMs.get(uid) ?? nowMs;
      firstAskedMs.set(uid, askedMs);
      return nowMs - askedMs >= lagMs;
    },
  };
}
