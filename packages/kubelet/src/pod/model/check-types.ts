type Kind = 'string' | 'string, if any' | 'integer' | 'list' | 'object';

/**
 * Compares members of an object with the types that the API promises; one that is null is absent.
 *
 * @param at where the object is, as `spec.`
 * @throws {TypeError} about the first that is of another type: `spec.trustBundle: expected string`
 */
export function checkTypes(
  object: Readonly<Record<string, unknown>>,
  kinds: Readonly<Record<string, Kind>>,
  at = '',
): void {
  for (const [name, kind] of Object.entries(kinds)) {
    if (!isOf(object[name], kind)) throw new TypeError(`${at}${name}: expected ${kind}`);
  }
}

function isOf(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'string':
      return typeof value === 'string';
    case 'string, if any':
      return value === undefined || typeof value === 'string';
    case 'integer':
      return Number.isInteger(value);
    case 'list':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
  }
}
