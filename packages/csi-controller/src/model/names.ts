/** On a claim: the driver that is to make its volume. */
export const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
export const BETA_STORAGE_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
/** On a claim: the node of its first pod. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
/** On a volume: the driver that made it. */
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
/** On a volume: the secret for its deletion. */
export const DELETION_SECRET_NAME = 'volume.kubernetes.io/provisioner-deletion-secret-name';
export const DELETION_SECRET_NAMESPACE =
  'volume.kubernetes.io/provisioner-deletion-secret-namespace';
/** On a volume that grows: its capacity before. */
export const PRE_RESIZE_CAPACITY = 'volume.alpha.kubernetes.io/pre-resize-capacity';

/** On a claim: its volume grew without the nodes, however many have it mounted. */
export const NODE_EXPANSION_NOT_REQUIRED = 'volume.kubernetes.io/node-expansion-not-required';

/** On a volume that its driver deletes before the object goes. */
export const PROVISIONER_FINALIZER = 'external-provisioner.volume.kubernetes.io/finalizer';

/**
 * On an attachment, and on its volume, until the driver has detached it.
 *
 * @see kubernetes-csi/external-attacher pkg/controller/util.go, SanitizeDriverName
 */
export function attacherFinalizer(driver: string): string {
  const name = driver.replaceAll(/[^a-zA-Z0-9-]/g, '-');
  return `external-attacher/${name.endsWith('-') ? `${name}X` : name}`;
}
