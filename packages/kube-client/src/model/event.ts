import type { ObjectReference } from './generated/api-types.js';

/** An event about an object, for its users. */
export interface EventNote {
  /** Has a `fieldPath` when the event is about a part, e.g. `spec.containers{web}`. */
  readonly about: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** One word in upper camel case: `Pulled`. */
  readonly reason: string;
  readonly message: string;
  /** The action that was taken, if the reporter names it. */
  readonly action?: string;
  /** Annotations of the Event object. */
  readonly annotations?: Readonly<Record<string, string>>;
}
