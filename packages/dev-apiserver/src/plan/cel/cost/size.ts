/** The number of characters, bytes, items or entries that a value can have. */
export interface Size {
  readonly min: number;
  readonly max: number;
}

/** The largest size and cost: 2⁶⁴, where a real server stops counting. */
export const MOST = 2 ** 64;

export const UNKNOWN: Size = { min: 0, max: MOST };

export function exactly(size: number): Size {
  return { min: size, max: size };
}

function bounded(value: number): number {
  return Math.min(value, MOST);
}

export function add(a: Size, b: Size): Size {
  return { min: bounded(a.min + b.min), max: bounded(a.max + b.max) };
}

export function multiply(a: Size, b: Size): Size {
  return { min: bounded(a.min * b.min), max: bounded(a.max * b.max) };
}

/** The size of one or the other. */
export function either(a: Size, b: Size): Size {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** The cost of going through so many parts, rounded up. */
export function costOf(size: number, perPart: number): number {
  return bounded(Math.ceil(size * perPart));
}

export function sum(...costs: readonly number[]): number {
  return bounded(costs.reduce((all, one) => all + one, 0));
}

export function product(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : bounded(a * b);
}

/** How large a value of a schema, and its parts, can be. */
export interface Sized {
  /** 0 for values without parts of which there can be many. */
  readonly most: number;
  /** Bytes that it takes in JSON at least. */
  readonly leastBytes: number;
  /** By their names in expressions. */
  readonly fields?: ReadonlyMap<string, Sized>;
  readonly key?: Sized;
  /** An item of a list, or a value of a map. */
  readonly item?: Sized;
}

/**
 * The size of a part.
 *
 * @param path begins with the variable; `@items`, `@values` and `@keys` are the parts of lists and
 *   maps
 */
export function sizeAt(root: Sized, path: readonly string[]): Size | undefined {
  if (path.length === 0) return undefined;
  let at: Sized | undefined = root;
  for (const name of path.slice(1)) {
    if (name === '@items' || name === '@values') at = at?.item;
    else if (name === '@keys') at = at?.key;
    else at = at?.fields?.get(name);
  }
  return at === undefined ? undefined : { min: 0, max: at.most };
}
