import type { Pod } from '@nodeagent/kube-client';

/** A pod's volume, as far as its label depends on it. */
export interface LabelledVolume {
  readonly pod: Pod;
  /** The pod's name of the volume. */
  readonly name: string;
  /** The name of the volume on this node. */
  readonly uniqueName: string;
  /** The PersistentVolume's name. */
  readonly specName: string;
  /** As in metrics: `kubernetes.io/csi/hostpath.example.com`. */
  readonly plugin: string;
  /** `ReadWriteOnce` …, as in the PersistentVolume; undefined for a volume without one. */
  readonly accessModes: readonly string[] | undefined;
  /** Its plug-in, or its driver, mounts with a label. */
  readonly mountsWithLabel: boolean;
  /** The pod has it already, and keeps it whatever its label. */
  readonly isMounted: boolean;
}
