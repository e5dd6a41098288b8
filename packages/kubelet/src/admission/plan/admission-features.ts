import type { Container, Pod } from '@nodeagent/kube-client';

import {
  type FailureVerdict,
  initContainers,
  isHostNetwork,
  mayRestartAll,
  sameResources,
} from '../../pod/index.js';
import type { FeatureRules } from '../model/context.js';

/**
 * Refuses a pod that requires a disabled feature.
 *
 * @see Kubernetes 1.36 pkg/kubelet/lifecycle/handlers.go
 */
export function refuseForFeatures(pod: Pod, rules: FeatureRules): FailureVerdict | undefined {
  if (pod.spec?.resources !== undefined && !rules.podLevelResources) {
    return {
      reason: 'PodLevelResourcesNotSupported',
      message: 'PodLevelResources feature gate is disabled',
    };
  }
  const missing = requiredFeatures(pod).filter((name) => !rules.declared.has(name));
  if (missing.length === 0) return undefined;
  return { reason: 'PodFeatureUnsupported', message: missingFeatures(missing) };
}

/**
 * The disabled features that a changed pod requires. The change is applied regardless.
 *
 * @see Kubernetes 1.36 component-helpers/nodedeclaredfeatures/features
 */
export function featuresMissingForUpdate(
  before: Pod,
  after: Pod,
  { declared }: FeatureRules,
): string | undefined {
  const asked: string[] = [];
  if (!sameResources(before.spec?.resources, after.spec?.resources)) {
    asked.push('InPlacePodLevelResourcesVerticalScaling');
  }
  const changes = initContainers(after).some(({ role, spec }) => {
    const old = before.spec?.initContainers?.find(({ name }) => name === spec.name);
    return role === 'init' && old !== undefined && !sameOf(old, spec);
  });
  if (changes) asked.push('InPlacePodVerticalScalingInitContainers');
  const missing = asked.filter((name) => !declared.has(name));
  return missing.length === 0 ? undefined : missingFeatures(missing);
}

function sameOf(a: Container, b: Container): boolean {
  return sameResources(a.resources, b.resources);
}

function missingFeatures(names: readonly string[]): string {
  return `Pod requires node features that are not available: ${names.join(', ')}`;
}

function requiredFeatures(pod: Pod): readonly string[] {
  return [
    ...(mayRestartAll(pod) ? ['RestartAllContainersOnContainerExits'] : []),
    ...(isHostNetwork(pod) && pod.spec?.hostUsers === false
      ? ['UserNamespacesHostNetworkSupport']
      : []),
  ];
}
