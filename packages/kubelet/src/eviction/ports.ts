import type { Pod } from '@nodeagent/kube-client';

import type { FailureVerdict } from '../pod/index.js';
import type { DiskLayout, MeasuredPodUse, NodeFigures } from './model/snapshot.js';

/** Measures the node for eviction. */
export interface NodeGauge {
  /** Few files: the node's memory, processes and file systems. */
  node(signal: AbortSignal): Promise<Readonly<{ figures: NodeFigures; layout: DiskLayout }>>;
  /** Memory and processes only, from a few of the kernel's files: cheap enough for ten times a second. */
  soonScarce(): Promise<NodeFigures>;
  /** Figures of these pods; disks as last measured in the background. */
  pods(pods: readonly Pod[], signal: AbortSignal): Promise<readonly MeasuredPodUse[]>;
}

/** Reclaims what no pod uses, before a pod has to go. */
export interface NodeReclaim {
  removeUnusedImages(signal: AbortSignal): Promise<void>;
  removeDeadContainers(signal: AbortSignal): Promise<void>;
}

/** Pods that eviction may end. */
export interface EvictablePods {
  /** Pods that use resources, or will once they start. */
  active(): readonly Pod[];
  /** Ends a pod; resolves when it has ended, or has not in time. */
  evict(uid: string, verdict: FailureVerdict, graceSeconds: number): Promise<void>;
  /** True when the pod has ended and has no volumes on the node any more. */
  isGone(uid: string): boolean;
}
