import type { Kind } from './kind.js';
import type { ApiObject } from './object.js';
import type { WriteContext } from './request.js';

/** The checks and changes of a write that depend on the rest of the cluster's state. */
export interface Admission {
  /** @returns a function that undoes its allocations if the write fails */
  create(kind: Kind, draft: ApiObject, context: WriteContext): (() => void) | undefined;
  update(
    kind: Kind,
    change: Readonly<{ draft: ApiObject; old: ApiObject }>,
    context: WriteContext,
  ): Settlement | undefined;
  delete(kind: Kind, object: ApiObject): void;
  removed(kind: Kind, object: ApiObject): void;
}

/**
 * The allocations and releases of an admitted update: exactly one of the two functions is called.
 */
interface Settlement {
  commit(): void;
  undo(): void;
}
