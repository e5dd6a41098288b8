import type {
  CertificateSigningRequest,
  ConfigMap,
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
  ReplicaSet,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  VolumeAttachment,
} from '@nodeagent/kube-client';

/**
 * The objects that controllers base their decisions on; keys are `namespace/name`, or the name of
 * cluster-wide objects.
 */
export interface View {
  readonly pods: ReadonlyMap<string, Pod>;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly services: ReadonlyMap<string, Service>;
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>;
  readonly deployments: ReadonlyMap<string, Deployment>;
  readonly replicaSets: ReadonlyMap<string, ReplicaSet>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly serviceAccounts: ReadonlyMap<string, ServiceAccount>;
  /** Config maps named `kube-root-ca.crt`. */
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  /** Leases of nodes, in `kube-node-lease`. */
  readonly leases: ReadonlyMap<string, Lease>;
  readonly signingRequests: ReadonlyMap<string, CertificateSigningRequest>;
  readonly daemonSets: ReadonlyMap<string, DaemonSet>;
  readonly statefulSets: ReadonlyMap<string, StatefulSet>;
  readonly persistentVolumes: ReadonlyMap<string, PersistentVolume>;
  readonly persistentVolumeClaims: ReadonlyMap<string, PersistentVolumeClaim>;
  readonly storageClasses: ReadonlyMap<string, StorageClass>;
  readonly volumeAttachments: ReadonlyMap<string, VolumeAttachment>;
  readonly csiDrivers: ReadonlyMap<string, CsiDriver>;
  readonly csiNodes: ReadonlyMap<string, CsiNode>;
}

export type ViewName = keyof View;
