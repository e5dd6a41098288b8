import type { Node, NodeStatus } from '@nodeagent/kube-client';

import type { NodeConfig } from '../model/config.js';
import type { DeviceResources, MachineFacts } from '../model/facts.js';
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

export interface ReconcileFacts {
  readonly machine: MachineFacts;
  /** Undefined without device plug-ins. */
  readonly devices: DeviceResources | undefined;
}

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
 * annotation, and extended resources that an earlier kubelet left and that no device plug-in serves:
 * pods placed by them would be refused here. Taints and other labels are not touched.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_node_status.go, tryRegisterWithAPIServer
 */
export function reconciledNode(
  node: Node,
  config: NodeConfig,
  { machine, devices }: ReconcileFacts,
): Node {
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
    ...(node.status && { status: withoutLeftovers(node.status, devices) }),
  };
}

function withoutLeftovers(status: NodeStatus, devices: DeviceResources | undefined): NodeStatus {
  const { capacity = {} } = status;
  const left = Object.keys(capacity).filter(
    (name) => isExtended(name) && devices?.capacity[name] === undefined,
  );
  if (left.length === 0) return status;
  const none = Object.fromEntries(left.map((name) => [name, '0']));
  return {
    ...status,
    capacity: { ...capacity, ...none },
    allocatable: { ...status.allocatable, ...none },
  };
}

/**
 * True for resources that device plug-ins or administrators name, such as `example.com/card`.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/helper/helpers.go, IsExtendedResourceName
 */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
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
