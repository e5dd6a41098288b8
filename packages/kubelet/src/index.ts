export {
  type AdmissionContext,
  type Judgement,
  judgePod,
  type PodAdmissionRules,
  type SysctlRules,
} from './admission/index.js';
export {
  type CertificateAdapters,
  completeIdentity,
  type ConfigPlace,
  crashLoopRules,
  type CriServices,
  type KubeletAdapters,
  type KubeletFiles,
  type KubeletIdentity,
  type NodeApiConnection,
  type NodeMachine,
  type OpenApi,
  pullRules,
  type Readings,
  type RunningTracer,
  type RuntimeConnection,
  runtimeConnection,
  runtimeSettings,
} from './assembly/index.js';
export {
  createKubelet,
  kubeconfigApi,
  type KubeconfigApiOptions,
  type Kubelet,
} from './assembly/run/index.js';
export {
  CONFIG_FIELDS,
  CONFIG_KIND,
  type ConfigLayers,
  FIXED_FEATURES,
  type KubeletConfig,
  parseKubeletConfig,
  renderConfig,
  UNUSED_FIELDS,
} from './config/index.js';
export type {
  Certificate,
  CertificatePurpose,
  CertificateStore,
  CertificateTemplate,
  ConfiguredProviders,
  CredentialAdapters,
  CredentialProvider,
  KeyedPem,
  Kubeconfigs,
  PendingKey,
  RequestMaker,
  StubMaker,
} from './credentials/index.js';
export {
  configuredThresholds,
  type EvictionExplanation,
  explainEviction,
  isSignal,
  parseSummary,
  renderEviction,
  SIGNALS,
} from './eviction/index.js';
export {
  type ExplainedAction,
  parsePodState,
  type PodExplanation,
  type PodState,
  renderExplanation,
  type RuntimeCall,
} from './explain/index.js';
export { explainPod, type ExplainSettings } from './explain/run/index.js';
export type { PullRecordFiles } from './images/index.js';
export type { PullRules } from './images/index.js';
export type { RotationFiles } from './logs/index.js';
export { type HealthServer, isKernelSettingError, type KernelSettings } from './node/index.js';
export {
  isManifestError,
  type ManifestFiles,
  type ManifestUrl,
  type NodePressure,
  type PodAction,
  type PodLeftovers,
  type PodObservation,
  type PodPlan,
  qosClass,
  type ResourceRecordFile,
  StartError,
} from './pod/index.js';
export type { HookCaller, PodFiles, RuntimeMachine, UserNamespaceFiles } from './runtime/index.js';
export type { RuntimeSettings } from './runtime/index.js';
export {
  type KeyedCertificate,
  type ListenerSpec,
  type NodeListener,
  type NodeServer,
  type NodeServerAdapters,
  type PodsOnNode,
  type ProgramFacts,
  type ReadLog,
  type Reloaded,
  type RouteName,
  type SecureListenerSpec,
  type SystemLogs,
  type TlsSettings,
  tlsSettings,
} from './server/index.js';
export {
  type AdmissionRules,
  createNodeHandlers,
  createNodeServer,
  createReviews,
  Doorkeeper,
  type Handler,
  type HandlerCall,
  type Handlers,
  type MetricsPage,
  type NodeHandlerOptions,
  type NodeServerOptions,
  type ReviewOptions,
} from './server/run/index.js';
export { type ManifestOrigin, parsePodManifest, prepareStaticPod } from './sources/index.js';
export type { DirectoryReadings, MachineReadings } from './stats/index.js';
export { podStatus, type StatusInput } from './status/index.js';
export {
  isVolumeError,
  type Mounter,
  type SubPaths,
  VolumeError,
  type VolumeErrorCode,
  type VolumeFiles,
} from './volumes/index.js';
export {
  type CrashLoopRules,
  DEFAULT_CRASH_LOOP_RULES,
  type PlanContext,
  planPod,
} from './workers/index.js';
