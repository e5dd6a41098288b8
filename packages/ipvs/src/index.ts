export { parseSave } from './codec/ipvsadm.js';
export { parseJson, renderJson } from './codec/json.js';
export type { IpFamily } from './model/address.js';
export { type FailedOperation, IpvsApplyError } from './model/apply-error.js';
export {
  defineDestination,
  type Destination,
  type DestinationId,
  destinationKey,
  type DestinationSpec,
  type Forwarding,
  sameDestination,
  type Tunnel,
  type TunnelChecksum,
} from './model/destination.js';
export {
  IpvsError,
  type IpvsErrorCode,
  type IpvsErrorOptions,
  isIpvsError,
} from './model/errors.js';
export { formatOperation, type Operation } from './model/operation.js';
export type { DestinationOutline, Outline } from './model/outline.js';
export {
  defineService,
  formatServiceId,
  type Persistence,
  type Protocol,
  sameService,
  type SchedulerFlag,
  type Service,
  serviceFamily,
  type ServiceId,
  type ServiceSpec,
} from './model/service.js';
export type {
  DestinationState,
  IpvsInfo,
  RateName,
  ServiceState,
  Statistics,
  SyncDaemon,
  Timeouts,
} from './model/state.js';
export { diff, type DiffOptions, type VirtualServer } from './plan/diff.js';
export { drain, type DrainRules, isIdle } from './plan/drain.js';
export type { Ipvs } from './ports.js';
export { renderSave } from './render/ipvsadm.js';
export { renderStatistics, renderTable, sortServers } from './render/table.js';
export { KernelIpvs, type KernelIpvsOptions } from './run/kernel-ipvs.js';
export { readTable } from './run/read-table.js';
export { Reconciler, type ReconcilerOptions, type SyncOptions } from './run/reconciler.js';
