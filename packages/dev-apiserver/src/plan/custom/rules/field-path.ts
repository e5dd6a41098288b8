import { type JsonSchema, valueSchema } from '../../../model/json-schema.js';

const PART = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/y;

const ESCAPED: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

/**
 * Reads a rule's `fieldPath`: fields and keys below the place of the rule, like `.a['b.c']`.
 *
 * @returns the path as errors show it, `a[b.c]`; undefined when it leads to no field of the schema
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/cel/validation.go, ValidFieldPath
 */
export function normalizedPath(schema: JsonSchema, path: string): string | undefined {
  let at: JsonSchema = schema;
  let result = '';
  PART.lastIndex = 0;
  while (PART.lastIndex < path.length) {
    const found = PART.exec(path);
    if (found === null) return undefined;
    const name = found[1] ?? unescaped(found[2] ?? '');
    if (name === undefined) return undefined;
    const isField = at.properties !== undefined;
    const next = isField ? ownField(at, name) : valueSchema(at);
    if (next === undefined) return undefined;
    if (!isField) result += `[${name}]`;
    else result += result === '' ? name : `.${name}`;
    at = next;
  }
  return result === '' ? undefined : result;
}

function ownField({ properties = {} }: JsonSchema, name: string): JsonSchema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function unescaped(text: string): string | undefined {
  const letters = Array.from(text.matchAll(/\\(.)/g), ([, letter]) => letter ?? '');
  if (letters.some((letter) => ESCAPED[letter] === undefined)) return undefined;
  return text.replace(/\\(.)/g, (_, letter: string) => ESCAPED[letter] ?? letter);
}
