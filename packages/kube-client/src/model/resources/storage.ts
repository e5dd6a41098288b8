import type {
  CsiDriver,
  CsiNode,
  CsiStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function storage<T>(plural: string, kind: string, namespaced = false): Resource<T> {
  return { group: 'storage.k8s.io', version: 'v1', plural, kind, namespaced };
}

/** `storage.k8s.io/v1`, without namespaces: how the cluster treats a driver. */
export const CSI_DRIVERS = storage<CsiDriver>('csidrivers', 'CSIDriver');
/** `storage.k8s.io/v1`, without namespaces: the drivers on each node, named like the node. */
export const CSI_NODES = storage<CsiNode>('csinodes', 'CSINode');
/**
 * `storage.k8s.io/v1`, by namespace (the driver's): how much space a part of the cluster has left for
 * volumes of a class.
 */
export const CSI_STORAGE_CAPACITIES = storage<CsiStorageCapacity>(
  'csistoragecapacities',
  'CSIStorageCapacity',
  true,
);
/**
 * `storage.k8s.io/v1`, without namespaces: one for each volume that a driver should attach to a
 * node. Subresource: `status`.
 */
export const VOLUME_ATTACHMENTS = storage<VolumeAttachment>(
  'volumeattachments',
  'VolumeAttachment',
);
/** `storage.k8s.io/v1`, without namespaces. */
export const STORAGE_CLASSES = storage<StorageClass>('storageclasses', 'StorageClass');
/**
 * `storage.k8s.io/v1`, without namespaces, since Kubernetes 1.34: properties that a claim's volume
 * can change while it is in use, such as its speed.
 */
export const VOLUME_ATTRIBUTES_CLASSES = storage<VolumeAttributesClass>(
  'volumeattributesclasses',
  'VolumeAttributesClass',
);
