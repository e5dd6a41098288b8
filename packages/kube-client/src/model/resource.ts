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
} from './objects.js';

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

export const PODS = core<Pod>('pods', 'Pod');
export const NODES = core<Node>('nodes', 'Node', false);
export const SERVICES = core<Service>('services', 'Service');
export const CONFIG_MAPS = core<ConfigMap>('configmaps', 'ConfigMap');
export const SECRETS = core<Secret>('secrets', 'Secret');
export const SERVICE_ACCOUNTS = core<ServiceAccount>('serviceaccounts', 'ServiceAccount');
export const NAMESPACES = core<Namespace>('namespaces', 'Namespace', false);
export const EVENTS = core<CoreEvent>('events', 'Event');
export const PERSISTENT_VOLUMES = core<PersistentVolume>(
  'persistentvolumes',
  'PersistentVolume',
  false,
);
export const PERSISTENT_VOLUME_CLAIMS = core<PersistentVolumeClaim>(
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
export const CSI_DRIVERS = storage<CsiDriver>('csidrivers', 'CSIDriver');
export const CSI_NODES = storage<CsiNode>('csinodes', 'CSINode');
export const VOLUME_ATTACHMENTS = storage<VolumeAttachment>(
  'volumeattachments',
  'VolumeAttachment',
);
export const STORAGE_CLASSES = storage<StorageClass>('storageclasses', 'StorageClass');
export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};
export const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
export const RUNTIME_CLASSES: Resource<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  plural: 'runtimeclasses',
  kind: 'RuntimeClass',
  namespaced: false,
};
export const SERVICE_CIDRS: Resource<ServiceCidr> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'servicecidrs',
  kind: 'ServiceCIDR',
  namespaced: false,
};
export const DEPLOYMENTS: Resource<Deployment> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};
export const REPLICA_SETS: Resource<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};
export const DAEMON_SETS: Resource<DaemonSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'daemonsets',
  kind: 'DaemonSet',
  namespaced: true,
};
export const STATEFUL_SETS: Resource<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
};
export const CERTIFICATE_SIGNING_REQUESTS: Resource<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  plural: 'certificatesigningrequests',
  kind: 'CertificateSigningRequest',
  namespaced: false,
};
export const CLUSTER_TRUST_BUNDLES: Resource<ClusterTrustBundle> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  plural: 'clustertrustbundles',
  kind: 'ClusterTrustBundle',
  namespaced: false,
};
export const POD_CERTIFICATE_REQUESTS: Resource<PodCertificateRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  plural: 'podcertificaterequests',
  kind: 'PodCertificateRequest',
  namespaced: true,
};
