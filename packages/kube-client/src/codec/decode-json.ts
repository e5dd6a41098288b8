type JsonObject = Record<string, unknown>;

/**
 * Maps from a free name to text. Go decodes a null there to an entry with empty text, which counts:
 * a null in a Secret's data makes an empty file.
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
/** Content that Go keeps byte for byte and that no reader of this project looks into. */
const RAW: ReadonlySet<string> = new Set(['managedFields', 'opaque']);
/** No typed field lies deeper. What is below is free-form content, and kept as it came. */
const MOST_LEVELS = 64;

/**
 * Parses JSON as Go's decoder reads it into API types, for which null means "not given". So no
 * reader behind this boundary has to guard against null:
 *
 * - A null member of an object is absent.
 * - A null entry of a map from names to text (labels, annotations, a ConfigMap's or Secret's data) is
 *   an empty text.
 * - A null element of an array is the zero value of its neighbours' type: `''`, `0`, `false` or `{}`.
 *   It is left out where all elements are null, which says nothing of their type. A Go API server
 *   sends no null elements of types that it knows.
 * - `managedFields`, opaque parameters of drivers, and what lies more than 64 levels deep are kept as
 *   they came. Custom resources have no types here: the rules above hold for them too.
 * - A null document stays null.
 *
 * Costs nothing but a scan where the text has no null.
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
 * {@link decodeJson} for what has been parsed, from YAML for example. Changes the value in place where
 * it can.
 */
export function withoutNulls(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? cleaned(value, MOST_LEVELS) : value;
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
      const clean = cleaned(item as object, levels - 1);
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

/** The object itself, or a copy without its nulls: deleting members would make it slow for good. */
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

/** Entries that are no text are left to the readers. */
function cleanedTexts(value: unknown): unknown {
  const texts = value as JsonObject;
  for (const key of Object.keys(texts)) if (texts[key] === null) put(texts, key, '');
  return texts;
}

/** `__proto__` is a name like any other. */
function put(object: JsonObject, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else {
    const property = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(object, key, property);
  }
}
