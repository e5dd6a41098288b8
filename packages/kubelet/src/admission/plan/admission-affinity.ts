import { type Node, type Pod, selects } from '@nodeagent/kube-client';

import type { FailureVerdict } from '../../pod/index.js';
import type { AdmissionContext } from '../model/context.js';

type NodeSelectorTerm = NonNullable<
  NonNullable<
    NonNullable<NonNullable<Pod['spec']>['affinity']>['nodeAffinity']
  >['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];

/** Checks the node selector and the required node affinity against the node's labels and name. */
export function refuseForAffinity(
  pod: Pod,
  { node }: AdmissionContext,
): FailureVerdict | undefined {
  if (node === undefined || (matchesSelector(pod, node) && matchesAffinity(pod, node))) {
    return undefined;
  }
  return {
    reason: 'NodeAffinity',
    message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  };
}

function matchesSelector(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  return Object.entries(pod.spec?.nodeSelector ?? {}).every(
    ([name, value]) => labels[name] === value,
  );
}

function matchesAffinity(pod: Pod, node: Node): boolean {
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** A term without requirements matches no node. */
function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  node: Node,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const { name = '', labels = {} } = node.metadata ?? {};
  return (
    selects({ matchExpressions }, labels) &&
    selects({ matchExpressions: matchFields }, { 'metadata.name': name })
  );
}
