import type { Pod } from '@nodeagent/kube-client';

import type { Signal } from './signal.js';

/** One figure of the node, in bytes, inodes or processes. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
  /** Time of the measurement; undefined if it is unknown. */
  readonly atMs: number | undefined;
}

/** Use of a disk. */
export interface DiskUse {
  readonly bytes: number;
  readonly inodes: number;
}

export interface ContainerUse {
  readonly name: string;
  /** The working set. */
  readonly memoryBytes: number | undefined;
  /** The writable layer. */
  readonly rootfs: DiskUse | undefined;
  readonly logs: DiskUse | undefined;
}

export interface VolumeUse extends DiskUse {
  readonly name: string;
}

/** Resources that a pod uses. */
export interface PodFigures {
  /** The working set of the whole pod. */
  readonly memoryBytes: number | undefined;
  readonly processes: number | undefined;
  readonly containers: readonly ContainerUse[];
  /** Volumes that were measured, of all kinds. */
  readonly volumes: readonly VolumeUse[];
  /** Everything that counts against the pod's ephemeral storage. */
  readonly ephemeralBytes: number | undefined;
}

export interface MeasuredPodUse {
  readonly pod: Pod;
  /** Undefined for a pod without figures, e.g. one that just started. */
  readonly figures: PodFigures | undefined;
}

/**
 * Places of images and writable layers: on the file system of the kubelet's root directory, on one
 * of their own, or images apart from writable layers.
 */
export type DiskLayout = 'one' | 'dedicated' | 'split';

/** The node at one moment; a signal without an observation is not judged. */
export type NodeFigures = ReadonlyMap<Signal, Observation>;
