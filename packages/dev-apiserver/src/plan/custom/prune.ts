import { fieldSchema, type JsonSchema, valueSchema } from '../../model/json-schema.js';
import { isObject, type JsonObject } from '../../model/object.js';

/** Fields of every object, which a schema need not name. */
const TYPE_META: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/**
 * Removes the fields that a structural schema does not have. Adds their paths to `unknown`.
 *
 * @param isResource the object has `apiVersion`, `kind` and `metadata`
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/pruning/algorithm.go
 */
export function pruned(
  schema: JsonSchema,
  object: JsonObject,
  unknown: string[],
  isResource = true,
): JsonObject {
  const full = isResource ? { ...schema, 'x-kubernetes-embedded-resource': true } : schema;
  return prunedObject(full, object, { path: '', unknown });
}

/** Prunes the objects in a list; any other value stays as it is. */
export function prunedItems(schema: JsonSchema, value: unknown): unknown {
  return prunedValue(schema, value, { path: '', unknown: [] });
}

interface Where {
  readonly path: string;
  readonly unknown: string[];
}

function prunedObject(schema: JsonSchema, object: JsonObject, where: Where): JsonObject {
  const keepsAll =
    schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;
  const hasTypeMeta = schema['x-kubernetes-embedded-resource'] === true;
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(object)) {
    const path = where.path === '' ? name : `${where.path}.${name}`;
    const field = fieldSchema(schema, name);
    if (hasTypeMeta && TYPE_META.has(name)) kept[name] = value;
    else if (field !== undefined) kept[name] = prunedValue(field, value, { ...where, path });
    else if (keepsAll) kept[name] = value;
    else where.unknown.push(path);
  }
  return kept;
}

function prunedValue(schema: JsonSchema, value: unknown, where: Where): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    return value.map((item, index) =>
      prunedValue(items, item, { ...where, path: `${where.path}[${index}]` }),
    );
  }
  return isObject(value) ? prunedObject(schema, value, where) : value;
}

/**
 * Sets the schema's defaults, in place, where a field is absent, or null without being nullable. An
 * absent object without a default of its own stays absent. A null that may not be and that has no
 * default is removed.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/defaulting/algorithm.go
 */
export function setDefaults(schema: JsonSchema, value: unknown): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) for (const item of value) setDefaults(items, item);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (field.default === undefined || Object.hasOwn(value, name)) continue;
    value[name] = structuredClone(field.default);
  }
  const others = valueSchema(schema);
  for (const [name, item] of Object.entries(value)) {
    const field = fieldSchema(schema, name) ?? others;
    if (field === undefined) continue;
    if (item === null && field.nullable !== true) {
      if (field.default === undefined) Reflect.deleteProperty(value, name);
      else value[name] = structuredClone(field.default);
    }
    setDefaults(field, value[name]);
  }
}
