import type { Node, NodeStatus } from '@nodeagent/kube-client';

import type { NodeConfig } from '../model/config.js';
import type {
  DeviceResources,
  ImageFact,
  MachineFacts,
  NetworkFacts,
  NodeProblems,
  Pressure,
  RuntimeVersion,
} from '../model/facts.js';
import { planAddresses, providedIps } from './addresses.js';
import { planCapacity } from './capacity.js';
import { missingCapacity, planConditions } from './conditions.js';
import { planImages } from './images.js';
import { type RuntimeHealth, runtimeProblems } from './runtime-health.js';
import { without } from './without.js';

/** All measured facts as one value. */
export interface NodeFacts {
  readonly machine: MachineFacts;
  readonly network: NetworkFacts;
  readonly health: RuntimeHealth;
  /** Undefined until the runtime reports it. */
  readonly runtimeVersion: RuntimeVersion | undefined;
  readonly images: readonly ImageFact[];
  readonly pressure: Pressure;
  readonly problems: NodeProblems;
  readonly volumesInUse: readonly string[] | undefined;
  readonly devices: DeviceResources | undefined;
}

/** Both clocks at one moment. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** An event about the Node. */
export interface NodeEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The Node to write. */
export interface PlannedNode {
  readonly node: Node;
  /** Events to report once the node has been written. */
  readonly events: readonly NodeEvent[];
  /** Facts that could not be determined; the corresponding part of the node keeps its value. */
  readonly gaps: readonly string[];
}

/**
 * Reasons why the node cannot run pods, in the order of Kubernetes' messages; empty when it can.
 */
export function notReadyReasons(
  { health, problems }: Pick<NodeFacts, 'health' | 'problems'>,
  monotonicMs: number,
): readonly string[] {
  return [
    ...runtimeProblems(health, problems.runtime, monotonicMs),
    ...(health.networkProblem === undefined ? [] : [health.networkProblem]),
    ...problems.storage,
    ...(problems.shuttingDown ? ['node is shutting down'] : []),
  ];
}

const PROVIDED_IPS = 'alpha.kubernetes.io/provided-node-ip';

/**
 * Computes the desired Node from the present one: the status, and the metadata that is maintained
 * with it.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_node_status.go, defaultNodeStatusFuncs
 */
export function planNode(
  previous: Node,
  { config, facts }: Readonly<{ config: NodeConfig; facts: NodeFacts }>,
  now: Now,
): PlannedNode {
  const { machine, health } = facts;
  const before: Partial<NodeStatus> = previous.status ?? {};
  const addresses = planAddresses(config, facts.network, before.addresses ?? []);
  const { capacity, allocatable } = planCapacity(config, {
    machine,
    devices: facts.devices,
    previous: before.capacity ?? {},
  });
  const notReady = [
    ...notReadyReasons(facts, now.monotonicMs),
    ...missingCapacity(capacity, config.localStorageCapacityIsolation),
  ];
  const { conditions, events } = planConditions(
    before.conditions ?? [],
    { pressure: facts.pressure, problems: notReady },
    now.wallMs,
  );
  const status = {
    ...before,
    ...(addresses.kind === 'addresses' ? { addresses: [...addresses.addresses] } : {}),
    capacity,
    allocatable,
    conditions: [...conditions],
    daemonEndpoints: { kubeletEndpoint: { Port: config.kubeletPort } },
    nodeInfo: planNodeInfo(config, facts),
    images: [...planImages(facts.images, config.maxImages)],
    ...planRuntime(health),
    ...(facts.volumesInUse === undefined
      ? {}
      : { volumesInUse: [...new Set(facts.volumesInUse)].sort() }),
    ...(config.declaredFeatures.length === 0
      ? {}
      : { declaredFeatures: [...config.declaredFeatures].sort() }),
  } as NodeStatus;
  return {
    node: { ...previous, metadata: planMetadata(previous, config, machine), status },
    events: planEvents(events, { config, machine, before }),
    gaps: addresses.kind === 'unknown' ? [addresses.why] : [],
  };
}

function planNodeInfo(
  { kubeletVersion }: NodeConfig,
  { machine, runtimeVersion }: NodeFacts,
): NonNullable<NodeStatus['nodeInfo']> {
  const { name = '', version = '' } = runtimeVersion ?? {};
  const info = {
    machineID: machine.machineId,
    systemUUID: machine.systemUuid,
    bootID: machine.bootId,
    kernelVersion: machine.kernelVersion,
    osImage: machine.osImage,
    containerRuntimeVersion: `${name}://${plainVersion(version) ?? 'Unknown'}`,
    kubeletVersion,
    kubeProxyVersion: '',
    operatingSystem: machine.operatingSystem,
    architecture: machine.architecture,
  };
  return machine.swapBytes > 0 ? { ...info, swap: { capacity: machine.swapBytes } } : info;
}

/**
 * Keeps a semantic version; reduces any other version to its leading numbers, because distributions
 * append their own revision.
 *
 * @see Kubernetes 1.36 apimachinery/pkg/util/version, ParseSemantic and ParseGeneric
 */
function plainVersion(text: string): string | undefined {
  const semantic = /^\s*v?(\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?)\s*$/.exec(text);
  return (semantic ?? /^\s*v?(\d+(?:\.\d+)+)/.exec(text))?.[1];
}

function planRuntime({
  handlers,
  supplementalGroupsPolicy,
}: RuntimeHealth): Pick<NodeStatus, 'runtimeHandlers' | 'features'> {
  const runtimeHandlers = handlers
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
      name,
      features: { recursiveReadOnlyMounts, userNamespaces },
    }));
  return {
    ...(runtimeHandlers.length > 0 ? { runtimeHandlers } : {}),
    ...(supplementalGroupsPolicy === undefined ? {} : { features: { supplementalGroupsPolicy } }),
  };
}

function planMetadata(
  { metadata = {} }: Node,
  config: NodeConfig,
  { operatingSystem, architecture }: MachineFacts,
): NonNullable<Node['metadata']> {
  const annotations = without(metadata.annotations, PROVIDED_IPS);
  const ips = providedIps(config);
  return {
    ...metadata,
    labels: {
      ...metadata.labels,
      'kubernetes.io/os': operatingSystem,
      'kubernetes.io/arch': architecture,
    },
    annotations: ips === undefined ? annotations : { ...annotations, [PROVIDED_IPS]: ips },
  };
}

function planEvents(
  reasons: readonly string[],
  {
    config: { nodeName },
    machine: { bootId },
    before,
  }: Readonly<{ config: NodeConfig; machine: MachineFacts; before: Partial<NodeStatus> }>,
): readonly NodeEvent[] {
  const normal = reasons.map((reason): NodeEvent => {
    return { type: 'Normal', reason, message: `Node ${nodeName} status is now: ${reason}` };
  });
  const oldBootId = before.nodeInfo?.bootID ?? '';
  if (oldBootId === '' || oldBootId === bootId) return normal;
  const message = `Node ${nodeName} has been rebooted, boot id: ${bootId}`;
  return [{ type: 'Warning', reason: 'Rebooted', message }, ...normal];
}
