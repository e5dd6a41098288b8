/** The place of a kind of object in the API, without its type. */
interface Place {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Lower-case plural as in the path. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/**
 * The place of a kind of object in the API; `T` is the type of one object, for the compiler only.
 */
export interface Resource<T> extends Place {
  /** Only a {@link CreateOnlyResource} has it. */
  readonly createOnly?: false;
  /** Never present at run time: it only carries the type. */
  readonly shape?: T;
}

/**
 * The place of a kind whose objects the server answers and does not store: reviews, and bindings.
 * `create` is the only call for them, and the compiler refuses the others. Most have no name.
 */
export interface CreateOnlyResource<T> extends Place {
  readonly createOnly: true;
  /** Never present at run time: it only carries the type. */
  readonly shape?: T;
}

/** The place of any kind; `createOnly` tells the two apart. */
export type AnyResource<T> = Resource<T> | CreateOnlyResource<T>;

/** Describes any resource, including resources that this package does not define. */
export function resource<T>(description: Omit<Resource<T>, 'shape'>): Resource<T> {
  return description;
}

/** `v1`, `apps/v1`: the text that an object of the kind has as its `apiVersion`. */
export function apiVersionOf({ group, version }: AnyResource<unknown>): string {
  return group === '' ? version : `${group}/${version}`;
}
