/** An object of the API that an agent could not use. */
export interface ObjectFailure {
  /** `Service`. */
  readonly kind: string;
  /** Absent for cluster-wide objects, and where it is not known. */
  readonly namespace?: string;
  /** Empty where the object has none. */
  readonly name: string;
  /** Absent where it is not known. */
  readonly uid?: string;
  /** `read`: it is not as the API promises. `handle`: what was read of it could not be taken in. */
  readonly step: 'read' | 'handle';
  readonly error: unknown;
}
