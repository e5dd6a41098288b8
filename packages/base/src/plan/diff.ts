/** Work that turns one list into another; `update` holds the new items. */
export type Diff<T> = Readonly<Record<'create' | 'update' | 'remove', readonly T[]>>;
/** Items with equal keys are the same thing; `same` decides whether it has changed. */
export type DiffRules<T> = Readonly<{ keyOf: (item: T) => string; same: (a: T, b: T) => boolean }>;

/** Keeps the order of `desired`, then of `actual`. O(n + m). Keys are unique within each list. */
export function diffByKey<T>(
  desired: readonly T[],
  actual: readonly T[],
  { keyOf, same }: DiffRules<T>,
): Diff<T> {
  const leftover = new Map(actual.map((item) => [keyOf(item), item]));
  const create: T[] = [];
  const update: T[] = [];
  for (const want of desired) {
    const key = keyOf(want);
    const have = leftover.get(key);
    leftover.delete(key);
    if (have === undefined) create.push(want);
    else if (!same(want, have)) update.push(want);
  }
  return { create, update, remove: [...leftover.values()] };
}
