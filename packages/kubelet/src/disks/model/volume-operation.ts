/** Operations on volumes, as metrics name them. */
export type OperationName =
  | 'volume_mount'
  | 'volume_unmount'
  | 'unmount_device'
  | 'map_volume'
  | 'unmap_volume'
  | 'unmap_device'
  | 'verify_controller_attached_volume'
  | 'volume_fs_resize'
  | 'volume_apply_access_control';

/** An operation on a volume, for its labels. */
export interface MeteredOperation {
  /** `kubernetes.io/csi:hostpath.example.com` */
  readonly plugin: string;
  readonly name: OperationName;
  readonly migrated?: boolean;
}

/** Plug-ins that are part of the kubelet, as metrics and volumes' names begin. */
export const IN_TREE_PLUGINS = {
  local: 'kubernetes.io/local-volume',
  nfs: 'kubernetes.io/nfs',
  hostPath: 'kubernetes.io/host-path',
} as const;
