import type * as k8s from '@kubernetes/client-node';

/**
 * Replaces `Date` in the client library's classes by the type that JSON really holds: RFC 3339
 * text.
 */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

export type ObjectMeta = Wire<k8s.V1ObjectMeta>;
export type OwnerReference = Wire<k8s.V1OwnerReference>;
export type ObjectReference = Wire<k8s.V1ObjectReference>;

/** The fields that every API object has. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

export type Pod = Wire<k8s.V1Pod>;
export type PodSpec = Wire<k8s.V1PodSpec>;
export type PodStatus = Wire<k8s.V1PodStatus>;
export type PodCondition = Wire<k8s.V1PodCondition>;
export type Container = Wire<k8s.V1Container>;
export type ContainerStatus = Wire<k8s.V1ContainerStatus>;
export type ContainerState = Wire<k8s.V1ContainerState>;
export type Probe = Wire<k8s.V1Probe>;
export type Volume = Wire<k8s.V1Volume>;
export type VolumeMount = Wire<k8s.V1VolumeMount>;
export type EnvVar = Wire<k8s.V1EnvVar>;
export type Node = Wire<k8s.V1Node>;
export type NodeStatus = Wire<k8s.V1NodeStatus>;
export type NodeCondition = Wire<k8s.V1NodeCondition>;
export type Service = Wire<k8s.V1Service>;
export type ServicePort = Wire<k8s.V1ServicePort>;
export type EndpointSlice = Wire<k8s.V1EndpointSlice>;
export type Endpoint = Wire<k8s.V1Endpoint>;
export type Lease = Wire<k8s.V1Lease>;
export type ConfigMap = Wire<k8s.V1ConfigMap>;
export type Secret = Wire<k8s.V1Secret>;
export type PersistentVolume = Wire<k8s.V1PersistentVolume>;
export type PersistentVolumeClaim = Wire<k8s.V1PersistentVolumeClaim>;
export type CsiDriver = Wire<k8s.V1CSIDriver>;
export type CsiNode = Wire<k8s.V1CSINode>;
export type VolumeAttachment = Wire<k8s.V1VolumeAttachment>;
export type ServiceAccount = Wire<k8s.V1ServiceAccount>;
export type TokenRequest = Wire<k8s.AuthenticationV1TokenRequest>;
export type CoreEvent = Wire<k8s.CoreV1Event>;
export type RuntimeClass = Wire<k8s.V1RuntimeClass>;
export type ServiceCidr = Wire<k8s.V1ServiceCIDR>;
export type Deployment = Wire<k8s.V1Deployment>;
export type ReplicaSet = Wire<k8s.V1ReplicaSet>;
export type DaemonSet = Wire<k8s.V1DaemonSet>;
export type StatefulSet = Wire<k8s.V1StatefulSet>;
export type StorageClass = Wire<k8s.V1StorageClass>;
export type Namespace = Wire<k8s.V1Namespace>;
export type CertificateSigningRequest = Wire<k8s.V1CertificateSigningRequest>;
export type ClusterTrustBundle = Wire<k8s.V1beta1ClusterTrustBundle>;
export type PodCertificateRequest = Wire<k8s.V1beta1PodCertificateRequest>;
export type Status = Wire<k8s.V1Status>;
