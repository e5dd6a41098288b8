import type {
  CsiNode,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '@nodeagent/kube-client';

/** The objects that decisions are based on, by `namespace/name` or, for most, by name. */
export interface View {
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
  readonly volumes: ReadonlyMap<string, PersistentVolume>;
  readonly classes: ReadonlyMap<string, StorageClass>;
  readonly attachments: ReadonlyMap<string, VolumeAttachment>;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly csiNodes: ReadonlyMap<string, CsiNode>;
}

export type ViewName = keyof View;
