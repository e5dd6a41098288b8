type JsonObject = Record<string, unknown>;

/**
 * Fields that map free names to text. Go decodes a null entry there as empty text, and that entry
 * counts: a null in a Secret's data makes an empty file.
 */
const TEXT_MAPS: ReadonlySet<string> = new Set([
  'annotations',
  'binaryData',
  'data',
  'labels',
  'matchLabels',
  'nodeSelector',
  'stringData',
  'volumeAttributes',
]);
/** Content that Go keeps byte for byte and that no code of this project reads. */
const RAW: ReadonlySet<string> = new Set(['managedFields', 'opaque']);
/** No typed field is nested deeper. Deeper content is free-form and kept unchanged. */
const MOST_LEVELS = 64;

/**
 * Parses JSON as Go's decoder reads it into API types, for which null means "not given". So code
 * behind this boundary need not guard against null:
 *
 * - A null member of an object is absent.
 * - A null entry of a map from names to text (labels, annotations, a ConfigMap's or Secret's data)
 *   is an empty text.
 * - A null element of an array is the zero value of its neighbours' type: `''`, `0`, `false` or
 *   `{}`. It is left out if all elements are null, because then nothing shows their type. A Go API
 *   server sends no null elements of types that it knows.
 * - `managedFields`, opaque parameters of drivers, and content nested deeper than 64 levels are kept
 *   unchanged. Custom resources have no types here: the rules above hold for them too.
 * - A null document stays null.
 *
 * Text without any null costs only a scan.
 *
 * @throws {SyntaxError} when the text is not JSON
 * @see Go encoding/json, Unmarshal: "The JSON null value unmarshals into an interface, map, pointer,
 *   or slice by setting that Go value to nil"
 */
export function decodeJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('null') ? withoutNulls(value) : value;
}

/**
 * Removes `null` from a parsed value, e.g. of YAML, as Go does when it reads JSON: a field becomes
 * absent, an item of a list empty. Changes the value in place where possible.
 */
export function withoutNulls(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? cleaned(value, MOST_LEVELS) : value;
}

/** No null, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cleaned(value: object, levels: number): object {
  if (levels === 0) return value;
  return Array.isArray(value) ? cleanedArray(value, levels) : cleanedObject(value, levels);
}

function cleanedArray(items: unknown[], levels: number): unknown[] {
  let hasNull = false;
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i];
    if (item === null) hasNull = true;
    else if (typeof item === 'object') {
      const clean = cleaned(item, levels - 1);
      if (clean !== item) items[i] = clean;
    }
  }
  if (!hasNull) return items;
  const neighbour = items.find((item) => item !== null);
  if (neighbour === undefined) return [];
  return items.map((item) => (item === null ? zeroLike(neighbour) : item));
}

function zeroLike(neighbour: unknown): unknown {
  switch (typeof neighbour) {
    case 'string':
      return '';
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return Array.isArray(neighbour) ? [] : {};
  }
}

/**
 * Returns the object itself, or a copy without its nulls: deleting members would make the object
 * slow for good.
 */
function cleanedObject(value: object, levels: number): object {
  const object = value as JsonObject;
  let hasNull = false;
  for (const key of Object.keys(object)) {
    const member = object[key];
    if (member === null) hasNull = true;
    else if (typeof member === 'object' && !RAW.has(key)) {
      const isTexts = TEXT_MAPS.has(key) && !Array.isArray(member);
      const clean = isTexts ? cleanedTexts(member) : cleaned(member as object, levels - 1);
      if (clean !== member) put(object, key, clean);
    }
  }
  if (!hasNull) return object;
  const copy: JsonObject = {};
  for (const key of Object.keys(object)) if (object[key] !== null) put(copy, key, object[key]);
  return copy;
}

/** Leaves entries that are not text to the readers. */
function cleanedTexts(value: unknown): unknown {
  const texts = value as JsonObject;
  for (const key of Object.keys(texts)) if (texts[key] === null) put(texts, key, '');
  return texts;
}

/** Treats `__proto__` like any other name. */
function put(object: JsonObject, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else {
    const property = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(object, key, property);
  }
}
