import { parseTimestamp } from '@nodeagent/base';
import { type Pod, PODS } from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import { isDeleting, isFinished, nameOf, referenceTo, sortedWhere, uidOf } from './objects.js';
import { type Taint, tolerates } from './tolerations.js';

/**
 * Evicts pods from nodes with `NoExecute` taints that they do not tolerate, at once or when their
 * toleration ends.
 *
 * @see Kubernetes 1.36 pkg/controller/tainteviction/taint_eviction.go
 */
export function planEvictions(view: View, nowMs: number): Plan {
  const actions: Action[] = [];
  let againInMs: number | undefined;
  const tainted = new Map<string, readonly Taint[]>();
  for (const [name, { spec }] of view.nodes) {
    const taints = spec?.taints?.filter(isNoExecute) ?? [];
    if (taints.length > 0) tainted.set(name, taints);
  }
  const isConcerned = (pod: Pod): boolean =>
    tainted.has(pod.spec?.nodeName ?? '') && !isDeleting(pod) && !isFinished(pod);
  for (const pod of sortedWhere(view.pods.values(), isConcerned)) {
    const leftMs = toleratedForMs(pod, tainted.get(pod.spec?.nodeName ?? '') ?? [], nowMs);
    if (leftMs <= 0) actions.push(evict(pod));
    else if (Number.isFinite(leftMs)) againInMs = Math.min(againInMs ?? leftMs, leftMs);
  }
  return againInMs === undefined ? { actions } : { actions, againInMs };
}

function isNoExecute({ effect }: Taint): boolean {
  return effect === 'NoExecute';
}

function toleratedForMs(pod: Pod, taints: readonly Taint[], nowMs: number): number {
  const times = taints.map((taint) => {
    const covering = (pod.spec?.tolerations ?? []).filter((item) => tolerates(item, taint));
    if (covering.length === 0) return 0;
    const sinceMs = parseTimestamp(taint.timeAdded ?? '') ?? nowMs;
    const seconds = Math.min(
      ...covering.map(({ tolerationSeconds }) => tolerationSeconds ?? Number.POSITIVE_INFINITY),
    );
    return sinceMs + seconds * 1000 - nowMs;
  });
  return Math.min(Number.POSITIVE_INFINITY, ...times);
}

function evict(pod: Pod): Action {
  const { namespace, name } = nameOf(pod);
  const about = referenceTo(pod, 'Pod', 'v1');
  const message = `Marking for deletion Pod ${namespace}/${name}`;
  return {
    kind: 'delete',
    resource: PODS,
    name: nameOf(pod),
    options: { uid: uidOf(pod) },
    why: 'does not tolerate a taint of its node',
    event: { about, type: 'Normal', reason: 'TaintManagerEviction', message },
  };
}
