import type {
  Binding,
  ComponentStatus,
  ConfigMap,
  CoreEvent,
  Endpoints,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from '../generated/api-types.js';
import type { CreateOnlyResource, Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function core<T>(plural: string, kind: string, namespaced = true): Resource<T> {
  return { group: '', version: 'v1', plural, kind, namespaced };
}

/**
 * `v1`, by namespace. Subresources: `status`, `binding`, `eviction` (an `Eviction`), `resize`,
 * `ephemeralcontainers`, `log`, `exec`, `attach`, `portforward`, `proxy`.
 */
export const PODS = core<Pod>('pods', 'Pod');
/** `v1`, without namespaces. Subresources: `status`, `proxy`. */
export const NODES = core<Node>('nodes', 'Node', false);
/** `v1`, by namespace. Subresources: `status`, `proxy`. */
export const SERVICES = core<Service>('services', 'Service');
/** `v1`, by namespace; at most 1 MiB each. */
export const CONFIG_MAPS = core<ConfigMap>('configmaps', 'ConfigMap');
/** `v1`, by namespace; values are base64, at most 1 MiB each. */
export const SECRETS = core<Secret>('secrets', 'Secret');
/** `v1`, by namespace. The subresource `token` issues tokens (`TokenRequest`). */
export const SERVICE_ACCOUNTS = core<ServiceAccount>('serviceaccounts', 'ServiceAccount');
/**
 * `v1`, without namespaces. A deleted one stays until its objects are gone. Subresources: `status`,
 * `finalize`.
 */
export const NAMESPACES = core<Namespace>('namespaces', 'Namespace', false);
/**
 * `v1`, by namespace; API servers forget them after an hour. Use {@link QueuedEventRecorder} to
 * write them. {@link EVENTS_V1} shows the same objects in a newer form.
 */
export const EVENTS = core<CoreEvent>('events', 'Event');
/** `v1`, without namespaces. Subresource: `status`. */
export const PERSISTENT_VOLUMES = core<PersistentVolume>(
  'persistentvolumes',
  'PersistentVolume',
  false,
);
/** `v1`, by namespace: a pod's wish for a volume. Subresource: `status`. */
export const PERSISTENT_VOLUME_CLAIMS = core<PersistentVolumeClaim>(
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
/**
 * `v1`, by namespace: the addresses behind a Service, at most 1,000. Deprecated since Kubernetes
 * 1.33; follow {@link ENDPOINT_SLICES} instead.
 */
export const ENDPOINTS = core<Endpoints>('endpoints', 'Endpoints');
/**
 * `v1`, by namespace: keeps a number of equal pods running; {@link DEPLOYMENTS} came after it.
 * Subresources: `status`, `scale` (a `Scale`).
 */
export const REPLICATION_CONTROLLERS = core<ReplicationController>(
  'replicationcontrollers',
  'ReplicationController',
);
/** `v1`, by namespace: a pod's text without a pod, for controllers that keep some. */
export const POD_TEMPLATES = core<PodTemplate>('podtemplates', 'PodTemplate');
/** `v1`, by namespace: defaults and bounds of what one pod, container or claim may request. */
export const LIMIT_RANGES = core<LimitRange>('limitranges', 'LimitRange');
/** `v1`, by namespace: bounds of the namespace's sums, and the use so far. Subresource: `status`. */
export const RESOURCE_QUOTAS = core<ResourceQuota>('resourcequotas', 'ResourceQuota');
/**
 * `v1`, without namespaces: what the server found out about etcd, scheduler and controller manager.
 * Deprecated since Kubernetes 1.19, and often wrong: the server asks only its own machine. It can be
 * read and listed; the server refuses all else, watches included, with 405.
 */
export const COMPONENT_STATUSES = core<ComponentStatus>(
  'componentstatuses',
  'ComponentStatus',
  false,
);
/**
 * `v1`, by namespace, only created: gives a pod to a node. Its name is the pod's, and the answer is a
 * `Status`. The subresource `binding` of {@link PODS} does the same.
 */
export const BINDINGS: CreateOnlyResource<Binding> = {
  group: '',
  version: 'v1',
  plural: 'bindings',
  kind: 'Binding',
  namespaced: true,
  createOnly: true,
};
