import type { Pod } from '@nodeagent/kube-client';

import { type FailureVerdict, isCritical } from '../../pod/index.js';
import type { AdmissionContext, Judgement, Shortage } from '../model/context.js';
import { refuseForAffinity } from './admission-affinity.js';
import { refuseForAppArmor } from './admission-apparmor.js';
import { refuseForFeatures } from './admission-features.js';
import { refuseForPorts } from './admission-ports.js';
import { refuseUnderPressure } from './admission-pressure.js';
import { shortages } from './admission-resources.js';
import { refuseForSysctls } from './admission-sysctls.js';
import { refuseForTaints } from './admission-taints.js';
import { chooseVictims } from './preemption.js';

const ADMIT: Judgement = { kind: 'admit' };

/**
 * Decides whether the node accepts the pod. The scheduler decided earlier and with older data, and
 * other clients may bind pods without it. The first check that fails gives the reason. Pods are
 * preempted only if nothing else rules the pod out.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, admitHandlers; pkg/kubelet/lifecycle/predicate.go
 */
export function judgePod(pod: Pod, context: AdmissionContext): Judgement {
  const { rules } = context;
  const before =
    refuseUnderPressure(pod, context.pressure ?? []) ??
    (rules && refuseForSysctls(pod, rules.sysctls)) ??
    context.allocation ??
    refuseForNode(pod, context);
  if (before !== undefined) return { kind: 'reject', verdict: before };
  const fit = judgeFit(pod, context);
  if (fit.kind === 'reject' || fit.kind === 'ask-node') return fit;
  const after =
    (rules && refuseForAppArmor(pod, rules.appArmor)) ??
    (rules?.features && refuseForFeatures(pod, rules.features)) ??
    refuseForShutdown(context.shuttingDown);
  return after === undefined ? fit : { kind: 'reject', verdict: after };
}

function judgeFit(pod: Pod, context: AdmissionContext): Judgement {
  const missing = shortages(pod, context);
  const others = [
    refuseForAffinity(pod, context),
    refuseForNodeName(pod, context),
    refuseForPorts(pod, context),
    refuseForTaints(pod, context),
  ].filter((verdict) => verdict !== undefined);
  const failures = [...missing.map(notEnough), ...others];
  const [first] = failures;
  if (first === undefined) return ADMIT;
  const onlyAffinity = failures.every(({ reason }) => reason === 'NodeAffinity');
  if (onlyAffinity && context.isNodeFresh !== true) return { kind: 'ask-node', verdict: first };
  if (!isCritical(pod)) return { kind: 'reject', verdict: first };
  const [other] = others;
  if (other !== undefined) return { kind: 'reject', verdict: other };
  return preempt(pod, missing, context.others);
}

function preempt(pod: Pod, missing: readonly Shortage[], others: readonly Pod[]): Judgement {
  const found = chooseVictims(pod, missing, others);
  if (found.kind === 'victims') {
    return { kind: 'preempt', victims: found.pods, signal: missing[0]?.resource ?? '' };
  }
  const message =
    'Unexpected error while attempting to recover from admission failure: ' +
    `preemption: error finding a set of pods to preempt: ${found.why}`;
  return { kind: 'reject', verdict: { reason: 'UnexpectedAdmissionError', message } };
}

function notEnough({ resource, requested, used, capacity }: Shortage): FailureVerdict {
  return {
    reason: `OutOf${resource}`,
    message:
      `Node didn't have enough resource: ${resource}, ` +
      `requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function refuseForNode(pod: Pod, { node }: AdmissionContext): FailureVerdict | undefined {
  if (node === undefined) {
    return { reason: 'InvalidNodeInfo', message: 'Kubelet cannot get node info.' };
  }
  const labelled = pod.metadata?.labels?.['kubernetes.io/os'] ?? 'linux';
  if (labelled !== 'linux') {
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  }
  if ((pod.spec?.os?.name ?? 'linux') !== 'linux') {
    return {
      reason: 'PodOSNotSupported',
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  }
  const isStrict = pod.spec?.securityContext?.supplementalGroupsPolicy === 'Strict';
  if (isStrict && node.status?.features?.supplementalGroupsPolicy !== true) {
    return {
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    };
  }
  return undefined;
}

function refuseForNodeName(pod: Pod, { node }: AdmissionContext): FailureVerdict | undefined {
  const wanted = pod.spec?.nodeName ?? '';
  if (wanted === '' || wanted === node?.metadata?.name) return undefined;
  return {
    reason: 'NodeName',
    message: "Predicate NodeName failed: node(s) didn't match the requested node name",
  };
}

function refuseForShutdown(shuttingDown: boolean | undefined): FailureVerdict | undefined {
  if (shuttingDown !== true) return undefined;
  return {
    reason: 'NodeShutdown',
    message: 'Pod was rejected as the node is shutting down.',
  };
}
