/** JSON, or nested lists if a value is too deep for `JSON.stringify`. */
export function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `{"apiVersion":"v1","kind":"Pod","spec":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  }
}

/** Every number in a value. */
export function numbersOf(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}
