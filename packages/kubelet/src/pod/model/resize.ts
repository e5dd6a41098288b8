import type { ContainerAmounts } from './allocation.js';

/** One running container whose resources are to change under it. */
export interface ContainerResize {
  readonly id: string;
  readonly name: string;
  /** What it has now. */
  readonly from: ContainerAmounts;
  readonly to: ContainerAmounts;
}

/** What a pod's status says of a change of its resources. */
export interface ResizeCondition {
  /** `Deferred`, `Infeasible` or `Error`; empty while all goes well. */
  readonly reason: string;
  readonly message: string;
  /** Of the spec that asked for it; undefined where the API counts none. */
  readonly generation: number | undefined;
  /** Wall clock. */
  readonly sinceMs: number;
}

export interface ResizeConditions {
  /** Asked for, and not (yet) granted. */
  readonly pending?: ResizeCondition;
  /** Granted, and not yet in force. */
  readonly inProgress?: ResizeCondition;
}

/** Names of the conditions, as the API has them. */
export const RESIZE_PENDING = 'PodResizePending';
export const RESIZE_IN_PROGRESS = 'PodResizeInProgress';
