import type { Kind } from './kind.js';
import type { ApiObject } from './object.js';
import type { WriteContext } from './request.js';

/** What a write needs from the rest of the cluster's state. */
export interface Admission {
  /** @returns how to undo what it took, should the write fail */
  create(kind: Kind, draft: ApiObject, context: WriteContext): (() => void) | undefined;
  update(
    kind: Kind,
    change: Readonly<{ draft: ApiObject; old: ApiObject }>,
    context: WriteContext,
  ): Settlement | undefined;
  delete(kind: Kind, object: ApiObject): void;
  removed(kind: Kind, object: ApiObject): void;
}

/** What an admitted update took and gives back: exactly one of the two is called. */
interface Settlement {
  commit(): void;
  undo(): void;
}
