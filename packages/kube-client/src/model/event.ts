import type { ObjectReference } from './objects.js';

/** Something worth telling a user about an object. */
export interface EventNote {
  /** With a `fieldPath` when it is about a part, e.g. `spec.containers{web}`. */
  readonly about: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** One word in upper camel case: `Pulled`. */
  readonly reason: string;
  readonly message: string;
  /** What was done, where the reporter says so. */
  readonly action?: string;
}
