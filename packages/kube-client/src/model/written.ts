/** An object as its writer left it: fields that the schema requires may be missing. */
export type Written<T> = { readonly [Field in keyof T]?: T[Field] | undefined };

/**
 * Returns the object with a type that does not trust its writer. Code that meets objects before
 * they are checked starts from it.
 */
export function asWritten<T extends object>(object: T): Written<T> {
  return object;
}
