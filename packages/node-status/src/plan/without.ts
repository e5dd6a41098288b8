/** Returns the record without one member. */
export function without<T>(
  record: Readonly<Record<string, T>> | undefined,
  key: string,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record ?? {}).filter(([name]) => name !== key));
}
