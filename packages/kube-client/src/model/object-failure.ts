/** An API object that an agent could not use. */
export interface ObjectFailure {
  /** `Service`. */
  readonly kind: string;
  /** Absent for cluster-wide objects, and when it is unknown. */
  readonly namespace?: string;
  /** Empty when the object has none. */
  readonly name: string;
  /** Absent when it is unknown. */
  readonly uid?: string;
  /** `read`: the object violates the API. `handle`: the agent could not process it. */
  readonly step: 'read' | 'handle';
  readonly error: unknown;
}
