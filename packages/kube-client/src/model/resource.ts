import type {
  CertificateSigningRequest,
  ClusterTrustBundle,
  ConfigMap,
  CoreEvent,
  CsiDriver,
  CsiNode,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodCertificateRequest,
  ReplicaSet,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  ServiceCidr,
  StatefulSet,
  StorageClass,
  VolumeAttachment,
} from './generated/api-types.js';

/**
 * The place of a kind of object in the API; `T` is the type of one object, for the compiler only.
 */
export interface Resource<T> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Lower-case plural as in the path. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never present at run time: it only carries the type. */
  readonly shape?: T;
}

/** Describes any resource, including resources that this package does not define. */
export function resource<T>(description: Omit<Resource<T>, 'shape'>): Resource<T> {
  return description;
}

function core<T>(plural: string, kind: string, namespaced = true): Resource<T> {
  return { group: '', version: 'v1', plural, kind, namespaced };
}

/** A kind of the storage group; all of ours belong to the cluster, not to a namespace. */
function storage<T>(plural: string, kind: string): Resource<T> {
  return { group: 'storage.k8s.io', version: 'v1', plural, kind, namespaced: false };
}

/**
 * `v1`, by namespace. Subresources: `status`, `binding`, `eviction`, `resize`,
 * `ephemeralcontainers`, `log`, `exec`.
 */
export const PODS = core<Pod>('pods', 'Pod');
/** `v1`, without namespaces. */
export const NODES = core<Node>('nodes', 'Node', false);
/** `v1`, by namespace. */
export const SERVICES = core<Service>('services', 'Service');
/** `v1`, by namespace; at most 1 MiB each. */
export const CONFIG_MAPS = core<ConfigMap>('configmaps', 'ConfigMap');
/** `v1`, by namespace; values are base64, at most 1 MiB each. */
export const SECRETS = core<Secret>('secrets', 'Secret');
/** `v1`, by namespace. The subresource `token` issues tokens. */
export const SERVICE_ACCOUNTS = core<ServiceAccount>('serviceaccounts', 'ServiceAccount');
/** `v1`. A deleted one stays until its objects are gone. */
export const NAMESPACES = core<Namespace>('namespaces', 'Namespace', false);
/**
 * `v1`, by namespace; API servers forget them after an hour. Use {@link QueuedEventRecorder} to
 * write them.
 */
export const EVENTS = core<CoreEvent>('events', 'Event');
/** `v1`, without namespaces. */
export const PERSISTENT_VOLUMES = core<PersistentVolume>(
  'persistentvolumes',
  'PersistentVolume',
  false,
);
/** `v1`, by namespace: a pod's wish for a volume. */
export const PERSISTENT_VOLUME_CLAIMS = core<PersistentVolumeClaim>(
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
/** `storage.k8s.io/v1`, without namespaces: how the cluster treats a driver. */
export const CSI_DRIVERS = storage<CsiDriver>('csidrivers', 'CSIDriver');
/** `storage.k8s.io/v1`, without namespaces: the drivers on each node, named like the node. */
export const CSI_NODES = storage<CsiNode>('csinodes', 'CSINode');
/**
 * `storage.k8s.io/v1`, without namespaces: one for each volume that a driver should attach to a
 * node.
 */
export const VOLUME_ATTACHMENTS = storage<VolumeAttachment>(
  'volumeattachments',
  'VolumeAttachment',
);
/** `storage.k8s.io/v1`, without namespaces. */
export const STORAGE_CLASSES = storage<StorageClass>('storageclasses', 'StorageClass');
/**
 * `discovery.k8s.io/v1`, by namespace; at most 1,000 endpoints each, so a Service may have several.
 */
export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};
/**
 * `coordination.k8s.io/v1`, by namespace: heartbeats of nodes in `kube-node-lease`, and leader
 * election.
 */
export const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
/** `node.k8s.io/v1`, without namespaces: names of handlers of the container runtime. */
export const RUNTIME_CLASSES: Resource<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  plural: 'runtimeclasses',
  kind: 'RuntimeClass',
  namespaced: false,
};
/** `networking.k8s.io/v1`, without namespaces: ranges of cluster IPs, since Kubernetes 1.33. */
export const SERVICE_CIDRS: Resource<ServiceCidr> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'servicecidrs',
  kind: 'ServiceCIDR',
  namespaced: false,
};
/** `apps/v1`, by namespace. */
export const DEPLOYMENTS: Resource<Deployment> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};
/** `apps/v1`, by namespace. */
export const REPLICA_SETS: Resource<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};
/** `apps/v1`, by namespace: one pod on each node. */
export const DAEMON_SETS: Resource<DaemonSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'daemonsets',
  kind: 'DaemonSet',
  namespaced: true,
};
/** `apps/v1`, by namespace. */
export const STATEFUL_SETS: Resource<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
};
/** `certificates.k8s.io/v1`, without namespaces: requests for certificates of the cluster. */
export const CERTIFICATE_SIGNING_REQUESTS: Resource<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  plural: 'certificatesigningrequests',
  kind: 'CertificateSigningRequest',
  namespaced: false,
};
/** `certificates.k8s.io/v1beta1`, without namespaces; off by default in API servers. */
export const CLUSTER_TRUST_BUNDLES: Resource<ClusterTrustBundle> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  plural: 'clustertrustbundles',
  kind: 'ClusterTrustBundle',
  namespaced: false,
};
/**
 * `certificates.k8s.io/v1beta1`, by namespace: made by kubelets for pods; off by default in API
 * servers.
 */
export const POD_CERTIFICATE_REQUESTS: Resource<PodCertificateRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  plural: 'podcertificaterequests',
  kind: 'PodCertificateRequest',
  namespaced: true,
};
