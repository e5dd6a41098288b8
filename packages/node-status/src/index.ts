export { type NodeConfig, type Reserve, type Taint, withNodeDefaults } from './model/config.js';
export { isNodeStatusError, NodeStatusError, type NodeStatusErrorCode } from './model/errors.js';
export type {
  DeviceResources,
  ImageFact,
  MachineFacts,
  NetworkFacts,
  NodeProblems,
  Pressure,
  RuntimeCondition,
  RuntimeHandler,
  RuntimeStatus,
  RuntimeVersion,
} from './model/facts.js';
export { type NodeAddress, planAddresses, type PlannedAddresses } from './plan/addresses.js';
export {
  assertReservable,
  type Capacity,
  type CapacityFacts,
  planCapacity,
  type ResourceList,
} from './plan/capacity.js';
export { planConditions, type PlannedConditions } from './plan/conditions.js';
export { type NodeImage, planImages } from './plan/images.js';
export { LEASE_NAMESPACE, type LeaseConfig, nextLease } from './plan/lease.js';
export {
  type NodeEvent,
  type NodeFacts,
  notReadyReasons,
  type Now,
  type PlannedNode,
  planNode,
} from './plan/node-status.js';
export { differs, planStatusPatch } from './plan/patch.js';
export { newNode, reconciledNode } from './plan/register.js';
export { foldRuntimeStatus, type RuntimeHealth, UNKNOWN_HEALTH } from './plan/runtime-health.js';
export type { FactSource, NodeEvents, NodeInputs } from './ports.js';
export type { NodeStage, NodeStatusOptions } from './run/context.js';
export { runNodeStatus, runUnregisteredNode } from './run/node-status.js';
