import type { Node } from '@nodeagent/kube-client';

import type { NodeConfig } from '../model/config.js';
import type { MachineFacts } from '../model/facts.js';
import { without } from './without.js';

const ATTACH_DETACH = 'volumes.kubernetes.io/controller-managed-attach-detach';
const UNINITIALIZED = {
  key: 'node.cloudprovider.kubernetes.io/uninitialized',
  value: 'true',
  effect: 'NoSchedule',
} as const;
/** Labels that the kubelet keeps only if an administrator configured them. */
const PLACE_LABELS = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
];

/** Returns a Node to create, without its status. */
export function newNode(config: NodeConfig, machine: MachineFacts): Node {
  const taints = config.taints.map((taint) => ({ ...taint }));
  const all = config.cloudProvider === 'external' ? [...taints, UNINITIALIZED] : taints;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: config.nodeName,
      labels: { ...machineLabels(config, machine), ...config.labels },
      annotations: attachDetach(config),
    },
    spec: {
      ...(config.providerId === undefined ? {} : { providerID: config.providerId }),
      ...(all.length > 0 ? { taints: all } : {}),
    },
  };
}

/**
 * Corrects an existing Node where this machine knows better: default labels, the attach-detach
 * annotation, huge pages of sizes that do not exist. Taints and other labels are not touched.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_node_status.go, tryRegisterWithAPIServer
 */
export function reconciledNode(node: Node, config: NodeConfig, machine: MachineFacts): Node {
  const annotations = without(node.metadata?.annotations, ATTACH_DETACH);
  const places = PLACE_LABELS.filter((name) => config.labels[name] !== undefined);
  return {
    ...node,
    metadata: {
      ...node.metadata,
      labels: {
        ...node.metadata?.labels,
        ...machineLabels(config, machine),
        ...Object.fromEntries(places.map((name) => [name, config.labels[name] ?? ''])),
      },
      annotations: { ...annotations, ...attachDetach(config) },
    },
  };
}

function machineLabels(
  { hostname }: NodeConfig,
  { operatingSystem, architecture }: MachineFacts,
): Readonly<Record<string, string>> {
  return {
    'kubernetes.io/hostname': hostname,
    'kubernetes.io/os': operatingSystem,
    'kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': operatingSystem,
    'beta.kubernetes.io/arch': architecture,
  };
}

function attachDetach(config: NodeConfig): Record<string, string> {
  return config.controllerManagedAttachDetach ? { [ATTACH_DETACH]: 'true' } : {};
}
