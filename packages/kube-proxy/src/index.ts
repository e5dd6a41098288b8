export { canonicalCidr, canonicalIp, type IpFamily } from './model/address.js';
export {
  type ConntrackConfig,
  type DetectLocalMode,
  type IpvsConfig,
  type KubeProxyConfigFile,
  type ParsedConfig,
  parseProxyConfig,
  type ProxyConfig,
  type ProxyMode,
  type ServerAddress,
} from './model/config.js';
export { CONFIG_KIND } from './model/config-file.js';
export {
  type Endpoint,
  endpointText,
  has,
  type Hints,
  LOCAL,
  projectSlice,
  READY,
  SERVING,
  type Slice,
  type SlicePort,
  TERMINATING,
} from './model/endpoint.js';
export { isProxyError, ProxyError, type ProxyErrorCode } from './model/errors.js';
export { FIXED_FEATURES } from './model/fixed-features.js';
export type { LocalTraffic } from './model/local-traffic.js';
export { type NodeInfo, projectNode } from './model/node-info.js';
export {
  projectService,
  type Protocol,
  type ServicePort,
  type ServicePorts,
} from './model/service.js';
export { UNUSED_FIELDS } from './model/unused-fields.js';
export {
  type CategorizedEndpoints,
  categorizeEndpoints,
  type Topology,
} from './plan/categorize-endpoints.js';
export {
  findServiceProblems,
  findSliceProblems,
  type FoundProblems,
} from './plan/find-problems.js';
export { type HealthCheck, planHealthChecks } from './plan/health-checks.js';
export { JUMPS } from './plan/iptables/jumps.js';
export {
  planRestore,
  type PortText,
  renderPort,
  type RestorePlan,
} from './plan/iptables/restore-input.js';
export type { RuleSettings, SyncSettings } from './plan/iptables/settings.js';
export { planWholeTables } from './plan/iptables/whole-tables.js';
export {
  type NodeView,
  NodeViewBuilder,
  type PortView,
  type ViewChange,
} from './plan/node-view.js';
export { staleFlowTest } from './plan/stale-flows.js';
export { type Changes, ChangeTracker } from './plan/track-changes.js';
export type {
  Backend,
  Forwarding,
  ForwardingSocket,
  ForwardOptions,
  ForwardSockets,
  ForwardTarget,
  HttpAddress,
  HttpAnswer,
  HttpHandler,
  HttpListener,
  HttpRequest,
  HttpServer,
  Interfaces,
  KernelCounterTable,
  NetlinkAccess,
  OpenNetlink,
  Problems,
  ServiceInterface,
  SocketAddress,
  Sysctl,
} from './ports.js';
export { cleanupEverything, type CleanupOptions, cleanupOtherModes } from './run/cleanup.js';
export { cleanupIptables } from './run/iptables/cleanup.js';
export { type ProxyDependencies, type ProxyOptions, runProxy } from './run/proxy.js';
