type Type =
  'string' | 'boolean' | 'integer' | 'list' | 'list of strings' | 'object' | 'map of strings';
type Kind = Type | `${Type}, if any`;

const IF_ANY = ', if any';

/**
 * Checks members of an object against the types that the API promises. A null member counts as
 * absent.
 *
 * @param at path of the object, such as `spec.`
 * @throws {TypeError} for the first member of another type: `spec.trustBundle: expected string`
 */
export function checkTypes(
  object: Readonly<Record<string, unknown>>,
  kinds: Readonly<Record<string, Kind>>,
  at = '',
): void {
  for (const [name, kind] of Object.entries(kinds)) {
    const isOptional = kind.endsWith(IF_ANY);
    if (isOptional && object[name] === undefined) continue;
    const type = (isOptional ? kind.slice(0, -IF_ANY.length) : kind) as Type;
    if (!isOf(object[name], type)) throw new TypeError(`${at}${name}: expected ${kind}`);
  }
}

function isOf(value: unknown, type: Type): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'integer':
      return Number.isSafeInteger(value);
    case 'list':
      return Array.isArray(value);
    case 'list of strings':
      return Array.isArray(value) && value.every(isString);
    case 'object':
      return isObject(value);
    case 'map of strings':
      return isObject(value) && Object.values(value).every(isString);
  }
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
