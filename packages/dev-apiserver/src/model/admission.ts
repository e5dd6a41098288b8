import type { FieldError } from './errors.js';
import type { Kind } from './kind.js';
import type { ApiObject } from './object.js';
import type { WriteContext } from './request.js';

/** The checks and changes of a write that depend on the rest of the cluster's state. */
export interface Admission {
  create(kind: Kind, draft: ApiObject, context: WriteContext): void;
  update(
    kind: Kind,
    change: Readonly<{ draft: ApiObject; old: ApiObject }>,
    context: WriteContext,
  ): void;
  /** Allocates addresses, after all other changes; `old` is absent for a creation. */
  allocate(
    kind: Kind,
    change: Readonly<{ draft: ApiObject; old: ApiObject | undefined }>,
  ): Settlement | undefined;
  /** Finds errors that the kind's own validation cannot; asked about objects that have passed it. */
  validate(kind: Kind, object: ApiObject): readonly FieldError[];
  delete(kind: Kind, object: ApiObject): void;
  removed(kind: Kind, object: ApiObject): void;
}

/**
 * The allocations and releases of an admitted write: exactly one of the two functions is called.
 */
interface Settlement {
  commit(): void;
  undo(): void;
}
