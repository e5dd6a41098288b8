import { type NodeConfig, withNodeDefaults } from '@nodeagent/node-status';

import type { KubeletConfig } from '../../config/index.js';
import type { WholeIdentity } from '../model/identity.js';

/**
 * Features that a scheduler asks nodes for and that this kubelet has. Pods whose rules restart all of
 * their containers go only to nodes that declare it, and only there an API server lets whole pods, or
 * init containers, ask for other resources.
 *
 * @see Kubernetes 1.36 component-helpers/nodedeclaredfeatures/features
 */
const DECLARED = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];

/** Features that the Node's status declares; switched off by their gates. */
export function declaredFeatures({
  featureGates,
}: Pick<KubeletConfig, 'featureGates'>): readonly string[] {
  return DECLARED.filter((feature) => featureGates[feature] !== false);
}

/** How the Node object is registered and kept current. */
export function nodeConfig(config: KubeletConfig, identity: WholeIdentity): NodeConfig {
  const memory = config.evictionHard.get('memory.available');
  const ephemeralStorage = config.evictionHard.get('nodefs.available');
  return withNodeDefaults({
    nodeName: identity.nodeName,
    nodeIps: identity.nodeIps,
    cloudProvider: identity.cloudProvider,
    ...(config.providerID !== '' && { providerId: config.providerID }),
    register: config.registerNode,
    labels: identity.nodeLabels,
    taints: config.registerWithTaints,
    controllerManagedAttachDetach: config.enableControllerAttachDetach,
    systemReserved: config.systemReserved,
    kubeReserved: config.kubeReserved,
    evictionReserved: {
      ...(memory !== undefined && { memory }),
      ...(ephemeralStorage !== undefined && { ephemeralStorage }),
    },
    maxPods: config.maxPods,
    podsPerCore: config.podsPerCore,
    localStorageCapacityIsolation: config.localStorageCapacityIsolation,
    kubeletVersion: identity.version,
    kubeletPort: config.port,
    declaredFeatures: declaredFeatures(config),
    maxImages: config.nodeStatusMaxImages,
    updateEveryMs: config.nodeStatusUpdateFrequencyMs,
    reportEveryMs: config.nodeStatusReportFrequencyMs,
    leaseDurationSeconds: config.nodeLeaseDurationSeconds,
  });
}
