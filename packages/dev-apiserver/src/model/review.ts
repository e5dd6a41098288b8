import type { ApiObject } from './object.js';

/** The states of a write: `object` is absent for a deletion, `old` for a creation. */
export interface Transition {
  readonly object: ApiObject | undefined;
  readonly old: ApiObject | undefined;
}

/** Asks webhooks about a write, at two places within it. Both may throw what stops the write. */
export interface Review {
  /** @returns the object as mutating webhooks leave it */
  mutate(transition: Transition): ApiObject | undefined;
  validate(transition: Transition): void;
}
