export {
  detectLogFormat,
  type LogLineParser,
  logTimeMs,
  parseCriLogLine,
} from './codec/log-line.js';
export type {
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerMetadata,
  ContainerState,
  ContainerStatus,
  ContainerUser,
  Device,
  EnvVar,
  ExecResult,
  LinuxContainerConfig,
  Mount,
  MountPropagation,
} from './model/container.js';
export { CriError, type CriErrorCode, type CriErrorOptions, isCriError } from './model/errors.js';
export type { ContainerEvent, ContainerEventType } from './model/event.js';
export { type ContainerId, containerId, type SandboxId, sandboxId } from './model/ids.js';
export type {
  FilesystemUsage,
  Image,
  ImageFilesystems,
  ImageFilter,
  ImageSpec,
  RegistryAuth,
} from './model/image.js';
export type {
  Capabilities,
  ContainerSecurityContext,
  HugepageLimit,
  IdMapping,
  Labels,
  LinuxResources,
  LocalProfile,
  NamespaceMode,
  NamespaceOptions,
  SandboxSecurityContext,
  SecurityProfile,
  Seen,
  SeenNamespaces,
  SelinuxOptions,
  SupplementalGroupsPolicy,
  UserNamespace,
} from './model/linux.js';
export type { LogBytesOptions, LogEntry, LogOptions, LogRecord, LogStream } from './model/log.js';
export type {
  CgroupDriver,
  RuntimeCondition,
  RuntimeConfiguration,
  RuntimeFeatures,
  RuntimeHandler,
  RuntimeStatus,
  RuntimeSupport,
  RuntimeVersion,
} from './model/runtime.js';
export type {
  DnsConfig,
  LinuxSandboxConfig,
  PortMapping,
  Sandbox,
  SandboxConfig,
  SandboxFilter,
  SandboxMetadata,
  SandboxState,
  SandboxStatus,
} from './model/sandbox.js';
export type {
  ContainerMetrics,
  ContainerStats,
  ContainerStatsFilter,
  CpuUsage,
  IoUsage,
  MemoryUsage,
  Metric,
  MetricDescriptor,
  NetworkInterfaceUsage,
  NetworkUsage,
  ProcessUsage,
  Psi,
  PsiData,
  SandboxMetrics,
  SandboxStats,
  SandboxStatsFilter,
  SwapUsage,
} from './model/stats.js';
export { STOP_SIGNALS, type StopSignal } from './model/stop-signal.js';
export { type Endpoint, parseEndpoint } from './plan/endpoint.js';
export type {
  AttachRequest,
  CheckpointContainerRequest,
  CreateContainerRequest,
  DebugInfo,
  ExecRequest,
  ExecSyncRequest,
  ImageMethod,
  ImageService,
  LogFile,
  LogFiles,
  LogWatch,
  PortForwardRequest,
  PullImageRequest,
  RotatedLog,
  RunPodSandboxRequest,
  RuntimeMethod,
  RuntimeService,
  UpdateContainerResourcesRequest,
  UpdatePodSandboxResourcesRequest,
} from './ports.js';
export { type Around, aroundImages, aroundRuntime, type CriCall } from './run/around-calls.js';
export { probeRuntime } from './run/probe-runtime.js';
export { type LogRequest, readLogBytesFrom, readLogFrom } from './run/read-log.js';
