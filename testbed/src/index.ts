export type { Agent } from './agents.ts';
export { type CallRelay, type FailingCall, startCallRelay } from './call-relay.ts';
export {
  type Authority,
  createAuthority,
  type SignedCertificate,
  type SigningRequest,
} from './certificates.ts';
export { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
export { type CommandOptions, type CommandResult, runCommand, tryCommand } from './command.ts';
export {
  type Containerd,
  type ContainerdOptions,
  findNewestContainerd,
  startContainerd,
} from './containerd.ts';
export {
  type ControlPlane,
  type ControlPlaneKind,
  type DevControlPlane,
  startDevControlPlane,
} from './control-plane.ts';
export { machinesMirror } from './debian-package.ts';
export { TestbedError, type TestbedErrorCode } from './errors.ts';
export { ifStarted } from './if-started.ts';
export { type ImageFile, type ImageSpec } from './image-archive.ts';
export {
  buildImage,
  buildTestImage,
  busyboxFiles,
  type ImageArchive,
  type TestImage,
} from './images.ts';
export { findKubectls, type Kubectl } from './kubectl.ts';
export { type CableEnd, createNetns, type Netns, thisNetns } from './netns.ts';
export type { NodeNetwork } from './node-network.ts';
export { createNodeSpace, type NodeSpace, type NodeSpaceOptions } from './node-space.ts';
export { type NpmRegistry, startNpmRegistry } from './npm-registry.ts';
export { findFreePort } from './ports.ts';
export { identify, isAlive, type ProcessId } from './proc.ts';
export { startProcess, type TestProcess } from './processes.ts';
export { type Registry, type RegistryOptions, startRegistry } from './registry.ts';
export { type SocketRelay, startSocketRelay } from './socket-relay.ts';
export { sweepLeftovers } from './sweep.ts';
export { bootSystemd, type SystemdSpace } from './systemd-space.ts';
export {
  createMemoryCgroup,
  type MemoryCgroup,
  takeDescriptors,
  type Taken,
  takePids,
} from './take-resources.ts';
export { startTraceCollector, type TraceCollector } from './trace-collector.ts';
export { waitFor, type WaitOptions } from './wait.ts';
