import type { Pod } from '@nodeagent/kube-client';

import type { WaitingReason } from './action.js';
import type { PodAllocation } from './allocation.js';
import type { PodObservation } from './observation.js';
import type { ResizeConditions } from './resize.js';
import type { ProbeVerdicts } from './verdict.js';

/**
 * The reason why the kubelet ended a pod or refused to start it: `DeadlineExceeded`, `Evicted`,
 * `OutOfcpu`, …
 */
export interface FailureVerdict {
  readonly reason: string;
  readonly message: string;
  /**
   * Set if the pod did nothing wrong and had to make room: the message of its condition
   * `DisruptionTarget`, reason `TerminationByKubelet`.
   */
  readonly disruption?: string;
}

/** A condition of a node that is short of a resource. */
export type NodePressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

/** Everything that a pod's worker knows when it reports the pod's state. */
export interface PodFacts {
  /** The newest copy from its source, with its allocated resources. */
  readonly pod: Pod;
  readonly seen: PodObservation;
  readonly probes: ProbeVerdicts;
  /** By container name: the reason why it could not be started or is held back. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /**
   * The resources last sent to the runtime for its containers; undefined if they are not recorded.
   */
  readonly actuated?: PodAllocation | undefined;
  /** A resize that is requested or in progress. */
  readonly resize?: ResizeConditions | undefined;
  /** Nothing of the pod runs, and nothing will run again. */
  readonly terminal: boolean;
  /** The kubelet's own verdict on the pod, shown once nothing of it runs. */
  readonly verdict: FailureVerdict | undefined;
}
