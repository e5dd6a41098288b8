import type { Pod } from '@nodeagent/kube-client';

import type { WaitingReason } from './action.js';
import type { PodAllocation } from './allocation.js';
import type { PodObservation } from './observation.js';
import type { ResizeConditions } from './resize.js';
import type { ProbeVerdicts } from './verdict.js';

/** Why the kubelet ended, or never began, a pod: `DeadlineExceeded`, `Evicted`, `OutOfcpu`, … */
export interface FailureVerdict {
  readonly reason: string;
  readonly message: string;
  /**
   * Told as the condition `DisruptionTarget`, reason `TerminationByKubelet`, when the pod did nothing
   * wrong and had to make way.
   */
  readonly disruption?: string;
}

/** Everything that a pod's worker knows when it reports. */
export interface PodFacts {
  /** The newest copy of its source, with the resources that it was given. */
  readonly pod: Pod;
  readonly seen: PodObservation;
  readonly probes: ProbeVerdicts;
  /** By container name: why it could not be started, or is held back. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** What was last told to the runtime to give its containers; undefined where that is not kept. */
  readonly actuated?: PodAllocation | undefined;
  /** Other resources that are asked for, or on their way. */
  readonly resize?: ResizeConditions | undefined;
  /** Nothing of the pod runs any more, nor will. */
  readonly terminal: boolean;
  /** The kubelet's own verdict on the pod, shown as soon as nothing of it runs. */
  readonly verdict: FailureVerdict | undefined;
}
