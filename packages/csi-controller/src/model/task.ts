import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '@nodeagent/kube-client';

/** A piece of work; it is repeated, with growing waits, until no plan contains it any more. */
export type Task = Readonly<{
  /** Tasks of one key never run at the same time. */
  key: string;
}> &
  (
    | Readonly<{
        kind: 'provision';
        claim: PersistentVolumeClaim;
        storageClass: StorageClass;
      }>
    /** A node's own controller takes a claim that may be on any node. */
    | Readonly<{ kind: 'take-claim'; claim: PersistentVolumeClaim; node: string }>
    | Readonly<{ kind: 'delete'; volume: PersistentVolume }>
    /** Only writes the volume's finalizers. */
    | Readonly<{
        kind: 'finalizer';
        volume: PersistentVolume;
        finalizer: string;
        wanted: boolean;
      }>
    | Readonly<{ kind: 'attach'; attachment: VolumeAttachment }>
    | Readonly<{ kind: 'detach'; attachment: VolumeAttachment }>
    | Readonly<{
        kind: 'expand';
        claim: PersistentVolumeClaim;
        volume: PersistentVolume;
        /** The new size, in bytes. */
        bytes: number;
      }>
  );
