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
  ApiService,
  Binding,
  CertificateSigningRequest,
  ClusterRole,
  ClusterRoleBinding,
  ClusterTrustBundle,
  ComponentStatus,
  ConfigMap,
  Container,
  ContainerState,
  ContainerStatus,
  ControllerRevision,
  CoreEvent,
  CronJob,
  CsiDriver,
  CsiNode,
  CsiStorageCapacity,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  DeviceClass,
  DeviceTaintRule,
  Endpoint,
  Endpoints,
  EndpointSlice,
  EnvVar,
  EventsV1Event,
  Eviction,
  FlowSchema,
  HorizontalPodAutoscaler,
  Ingress,
  IngressClass,
  IpAddress,
  Job,
  Lease,
  LeaseCandidate,
  LimitRange,
  LocalSubjectAccessReview,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  Namespace,
  NetworkPolicy,
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
  PodDisruptionBudget,
  PodGroup,
  PodSpec,
  PodStatus,
  PodTemplate,
  PriorityClass,
  PriorityLevelConfiguration,
  Probe,
  ReplicaSet,
  ReplicationController,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourcePoolStatusRequest,
  ResourceQuota,
  ResourceSlice,
  Role,
  RoleBinding,
  RuntimeClass,
  Scale,
  Secret,
  SelfSubjectAccessReview,
  SelfSubjectReview,
  SelfSubjectRulesReview,
  Service,
  ServiceAccount,
  ServiceCidr,
  ServicePort,
  StatefulSet,
  Status,
  StorageClass,
  StorageVersion,
  StorageVersionMigration,
  SubjectAccessReview,
  TokenRequest,
  TokenReview,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  Volume,
  VolumeAttachment,
  VolumeAttributesClass,
  VolumeMount,
  Workload,
} from './model/generated/api-types.js';
export type { ObjectFailure } from './model/object-failure.js';
export type { KubeObject } from './model/objects.js';
export {
  type AnyResource,
  type CreateOnlyResource,
  type Resource,
  resource,
} from './model/resource.js';
export {
  MUTATING_ADMISSION_POLICIES,
  MUTATING_ADMISSION_POLICY_BINDINGS,
  MUTATING_WEBHOOK_CONFIGURATIONS,
  VALIDATING_ADMISSION_POLICIES,
  VALIDATING_ADMISSION_POLICY_BINDINGS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
} from './model/resources/admissionregistration.js';
export { CUSTOM_RESOURCE_DEFINITIONS } from './model/resources/apiextensions.js';
export { API_SERVICES } from './model/resources/apiregistration.js';
export {
  CONTROLLER_REVISIONS,
  DAEMON_SETS,
  DEPLOYMENTS,
  REPLICA_SETS,
  STATEFUL_SETS,
} from './model/resources/apps.js';
export { SELF_SUBJECT_REVIEWS, TOKEN_REVIEWS } from './model/resources/authentication.js';
export {
  LOCAL_SUBJECT_ACCESS_REVIEWS,
  SELF_SUBJECT_ACCESS_REVIEWS,
  SELF_SUBJECT_RULES_REVIEWS,
  SUBJECT_ACCESS_REVIEWS,
} from './model/resources/authorization.js';
export { HORIZONTAL_POD_AUTOSCALERS } from './model/resources/autoscaling.js';
export { CRON_JOBS, JOBS } from './model/resources/batch.js';
export {
  CERTIFICATE_SIGNING_REQUESTS,
  CLUSTER_TRUST_BUNDLES,
  POD_CERTIFICATE_REQUESTS,
} from './model/resources/certificates.js';
export { LEASE_CANDIDATES, LEASES } from './model/resources/coordination.js';
export {
  BINDINGS,
  COMPONENT_STATUSES,
  CONFIG_MAPS,
  ENDPOINTS,
  EVENTS,
  LIMIT_RANGES,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  POD_TEMPLATES,
  PODS,
  REPLICATION_CONTROLLERS,
  RESOURCE_QUOTAS,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from './model/resources/core.js';
export { ENDPOINT_SLICES } from './model/resources/discovery.js';
export { EVENTS_V1 } from './model/resources/events.js';
export { FLOW_SCHEMAS, PRIORITY_LEVEL_CONFIGURATIONS } from './model/resources/flowcontrol.js';
export { STORAGE_VERSIONS } from './model/resources/internal.js';
export {
  INGRESS_CLASSES,
  INGRESSES,
  IP_ADDRESSES,
  NETWORK_POLICIES,
  SERVICE_CIDRS,
} from './model/resources/networking.js';
export { RUNTIME_CLASSES } from './model/resources/node.js';
export { POD_DISRUPTION_BUDGETS } from './model/resources/policy.js';
export {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  ROLE_BINDINGS,
  ROLES,
} from './model/resources/rbac.js';
export {
  DEVICE_CLASSES,
  DEVICE_TAINT_RULES,
  RESOURCE_CLAIM_TEMPLATES,
  RESOURCE_CLAIMS,
  RESOURCE_POOL_STATUS_REQUESTS,
  RESOURCE_SLICES,
} from './model/resources/resource.js';
export { POD_GROUPS, PRIORITY_CLASSES, WORKLOADS } from './model/resources/scheduling.js';
export {
  CSI_DRIVERS,
  CSI_NODES,
  CSI_STORAGE_CAPACITIES,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
  VOLUME_ATTRIBUTES_CLASSES,
} from './model/resources/storage.js';
export { STORAGE_VERSION_MIGRATIONS } from './model/resources/storagemigration.js';
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
