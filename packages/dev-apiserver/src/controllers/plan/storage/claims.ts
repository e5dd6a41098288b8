import { parseQuantity, quantityToUnits } from '@nodeagent/base';
import {
  matchesNodeTerms,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
  type Volume,
} from '@nodeagent/kube-client';

import { controllerOf, isDeleting, nameOf, uidOf } from '../objects.js';

/** On a claim whose binding is complete. */
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
/** On a claim or volume whose reference to the other one a controller wrote, not a user. */
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
/** On a claim: the node that the scheduler chose for its first pod. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
/** On a claim: the driver that is to make its volume. */
export const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
/** The older name, which provisioners may still read. */
export const BETA_STORAGE_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
/** On a volume: the driver that made it. */
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
/** The provisioner of classes whose volumes are all made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

export function hasAnnotation(object: PersistentVolume | PersistentVolumeClaim, name: string) {
  return object.metadata?.annotations?.[name] !== undefined;
}

/** Returns the name of the class; empty for none. */
export function classOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata?.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '';
}

/** True when the claim's volume waits for the first pod to be scheduled. */
export function waitsForPod(found: StorageClass | undefined): boolean {
  return found?.volumeBindingMode === 'WaitForFirstConsumer';
}

export function selectedNode({ metadata }: PersistentVolumeClaim): string {
  return metadata?.annotations?.[SELECTED_NODE] ?? '';
}

export function isBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.volumeName ?? '') !== '' && hasAnnotation(claim, BIND_COMPLETED);
}

/** Bytes; unreadable amounts count as nothing. */
export function bytesOf(text: string | undefined): number {
  return quantityToUnits(parseQuantity(text ?? '') ?? 0n);
}

/** True when the volume names this claim, by its uid or, before it has one, by its name. */
export function isForClaim({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { namespace, name, uid = '' } = spec?.claimRef ?? {};
  const at = nameOf(claim);
  return namespace === at.namespace && name === at.name && (uid === '' || uid === uidOf(claim));
}

/** The claim's name of a pod's volume; undefined for a volume without a claim. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral !== undefined) return `${pod.metadata?.name ?? ''}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

/** True unless the claim was made for another pod, or by a user. */
export function isMadeForPod(claim: PersistentVolumeClaim, pod: Pod): boolean {
  return controllerOf(claim)?.uid === uidOf(pod);
}

/**
 * True when a pod on a node has the claim among its volumes: also a finished pod, whose volumes may
 * still be mounted.
 *
 * @see Kubernetes 1.36 pkg/controller/volume/pvcprotection, podUsesPVCForDeletion
 */
export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  const { nodeName = '', volumes = [] } = pod.spec ?? {};
  if (nodeName === '' || pod.metadata?.namespace !== claim.metadata?.namespace) return false;
  return volumes.some((volume) => {
    if (claimNameOf(pod, volume) !== claim.metadata?.name) return false;
    return volume.ephemeral === undefined || (!isShutDown(pod) && isMadeForPod(claim, pod));
  });
}

/** The kubelet has taken the volumes down: only finalizers hold the pod. */
function isShutDown(pod: Pod): boolean {
  return isDeleting(pod) && pod.metadata?.deletionGracePeriodSeconds === 0;
}

/** True when the volume can be reached from the node. */
export function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeTerms(required.nodeSelectorTerms, node);
}
