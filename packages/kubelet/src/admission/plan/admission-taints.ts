import type { Node, Pod } from '@nodeagent/kube-client';

import { type FailureVerdict, isStaticPod } from '../../pod/index.js';
import type { AdmissionContext } from '../model/context.js';

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type Toleration = NonNullable<NonNullable<Pod['spec']>['tolerations']>[number];

/** Considers only taints with effect NoExecute; the others are for the scheduler. */
export function refuseForTaints(pod: Pod, { node }: AdmissionContext): FailureVerdict | undefined {
  if (isStaticPod(pod)) return undefined;
  const driving = (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  const tolerations = pod.spec?.tolerations ?? [];
  if (driving.every((taint) => tolerations.some((each) => tolerates(each, taint)))) {
    return undefined;
  }
  return {
    reason: 'TaintToleration',
    message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  };
}

/**
 * A toleration without an effect matches every effect; one without a key, with `Exists`, every
 * taint.
 */
export function tolerates(
  toleration: Toleration,
  taint: Pick<Taint, 'key' | 'value' | 'effect'>,
): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return key !== '' && operator === 'Equal' && value === (taint.value ?? '');
}
