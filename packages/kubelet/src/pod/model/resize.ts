import type { ContainerAmounts } from './allocation.js';

/** A running container whose resources change in place. */
export interface ContainerResize {
  readonly id: string;
  readonly name: string;
  /** Its current resources. */
  readonly from: ContainerAmounts;
  readonly to: ContainerAmounts;
}

/** One condition that a pod's status shows about a resize. */
export interface ResizeCondition {
  /** `Deferred`, `Infeasible` or `Error`; empty while there is no problem. */
  readonly reason: string;
  readonly message: string;
  /** The generation of the spec that requested the resize; undefined if the API counts none. */
  readonly generation: number | undefined;
  /** Wall clock. */
  readonly sinceMs: number;
}

export interface ResizeConditions {
  /** Requested, and not (yet) granted. */
  readonly pending?: ResizeCondition;
  /** Granted, and not yet in effect. */
  readonly inProgress?: ResizeCondition;
}

/** Condition types of the API. */
export const RESIZE_PENDING = 'PodResizePending';
export const RESIZE_IN_PROGRESS = 'PodResizeInProgress';
