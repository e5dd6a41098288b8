import { type NodeConfig, withNodeDefaults } from '@nodeagent/node-status';

import type { KubeletConfig } from '../../config/index.js';
import type { WholeIdentity } from '../model/identity.js';

/**
 * Features that this kubelet implements and that schedulers look for on nodes. The scheduler places
 * pods with rules that restart all containers only on nodes that declare the feature. The API
 * server allows resizing of whole pods and of init containers only on such nodes.
 *
 * @see Kubernetes 1.36 component-helpers/nodedeclaredfeatures/features
 */
const DECLARED = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
] as const;

/** Features that the Node's status declares; their gates can disable them. */
export function declaredFeatures({ features }: Pick<KubeletConfig, 'features'>): readonly string[] {
  return DECLARED.filter((feature) => features[feature]);
}

/** Configuration for registering the Node object and keeping it current. */
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
