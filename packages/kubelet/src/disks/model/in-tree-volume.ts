import type { PathSegment } from '@nodeagent/base';

/** The form in which a volume reaches containers: files or a device. */
export type VolumeMode = 'Filesystem' | 'Block';

/** A directory or block device of this node that a PersistentVolume names. */
export interface LocalVolume {
  readonly kind: 'local';
  readonly path: string;
  readonly specName: PathSegment;
  readonly mode: VolumeMode;
  /** The file system to create on a device without one. */
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly mountOptions: readonly string[];
}

/** A directory of a file server. */
export interface NfsVolume {
  readonly kind: 'nfs';
  readonly server: string;
  readonly path: string;
  readonly specName: PathSegment;
  readonly readOnly: boolean;
  readonly mountOptions: readonly string[];
}
