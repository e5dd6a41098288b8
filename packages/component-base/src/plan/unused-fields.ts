import { isPlainObject, type PlainObject } from '../codec/flags-to-config.js';

/** Fields that a program accepts but does not act on, as dotted paths, with what holds instead. */
export type UnusedFields = Readonly<Record<string, string>>;

/**
 * Finds settings that have no effect although somebody gave them.
 *
 * @param given the configuration as it is written
 * @param document the same with defaults filled in, in the file's terms
 * @param usual the defaults alone
 * @returns one line per field that is given and is not at its default
 */
export function unusedFieldWarnings(
  unused: UnusedFields,
  given: PlainObject,
  document: unknown,
  usual: unknown,
): readonly string[] {
  return Object.entries(unused).flatMap(([path, instead]) => {
    const isGiven = (valueAt(given, path) ?? undefined) !== undefined;
    if (!isGiven || isSame(valueAt(document, path), valueAt(usual, path))) return [];
    return [`${path} has no effect: ${instead}`];
  });
}

function valueAt(config: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, key) => (isPlainObject(at) ? at[key] : undefined), config);
}

/** Both come from one schema, so equal values have their members in one order. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
