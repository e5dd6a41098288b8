declare const brand: unique symbol;

/**
 * A string that only its own constructor function hands out, so that a container id cannot be
 * passed where a sandbox id is meant: `type ContainerId = Brand<string, 'ContainerId'>`.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
