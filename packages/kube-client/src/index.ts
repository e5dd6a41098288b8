export { withoutNulls } from './codec/decode-json.js';
export type { Connection, ExecPlugin, Material, UserAuth } from './model/connection.js';
export {
  isKubeError,
  KubeError,
  type KubeErrorCode,
  type KubeErrorOptions,
} from './model/errors.js';
export type { EventNote } from './model/event.js';
export type {
  CertificateSigningRequest,
  ClusterTrustBundle,
  ConfigMap,
  Container,
  ContainerState,
  ContainerStatus,
  CoreEvent,
  CsiDriver,
  CsiNode,
  DaemonSet,
  Deployment,
  Endpoint,
  EndpointSlice,
  EnvVar,
  Lease,
  Namespace,
  Node,
  NodeCondition,
  NodeStatus,
  ObjectMeta,
  ObjectReference,
  OwnerReference,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodCertificateRequest,
  PodCondition,
  PodSpec,
  PodStatus,
  Probe,
  ReplicaSet,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  ServiceCidr,
  ServicePort,
  StatefulSet,
  Status,
  StorageClass,
  TokenRequest,
  Volume,
  VolumeAttachment,
  VolumeMount,
} from './model/generated/api-types.js';
export type { ObjectFailure } from './model/object-failure.js';
export type { KubeObject } from './model/objects.js';
export {
  CERTIFICATE_SIGNING_REQUESTS,
  CLUSTER_TRUST_BUNDLES,
  CONFIG_MAPS,
  CSI_DRIVERS,
  CSI_NODES,
  DAEMON_SETS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  EVENTS,
  LEASES,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  POD_CERTIFICATE_REQUESTS,
  PODS,
  REPLICA_SETS,
  type Resource,
  resource,
  RUNTIME_CLASSES,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICE_CIDRS,
  SERVICES,
  STATEFUL_SETS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from './model/resource.js';
export { asWritten, type Written } from './model/written.js';
export { matchesNodeTerms, type NodeSelectorTerm } from './plan/node-selector.js';
export { objectKey } from './plan/object-name.js';
export {
  type FieldRequirement,
  type LabelRequirement,
  type LabelSelectorSpec,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  selectorRequirements,
  selects,
} from './plan/selectors.js';
export type { TokenBucketRules } from './plan/token-bucket.js';
export type {
  DeleteOptions,
  EventRecorder,
  KubeClient,
  ListOptions,
  ListPage,
  ObjectName,
  Patch,
  PatchType,
  ReflectorSink,
  Selectors,
  SubresourceOptions,
  WatchEvent,
  WatchOptions,
} from './ports.js';
export { type EventRecorderOptions, QueuedEventRecorder } from './run/event-recorder.js';
export { createNoApiClient } from './run/no-api-client.js';
export { ObjectFailures, type ObjectFailuresOptions } from './run/object-failures.js';
export { type ReflectorOptions, runReflector } from './run/reflector.js';
export { Store, type StoreListener } from './run/store.js';
