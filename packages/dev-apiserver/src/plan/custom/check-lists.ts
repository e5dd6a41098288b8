import { field, type FieldError } from '../../model/errors.js';
import type { JsonSchema } from '../../model/json-schema.js';

const LIST_TYPES = ['atomic', 'set', 'map'];
const MAP_TYPES = ['atomic', 'granular'];

/**
 * Checks what a schema says about merging and comparing its lists and maps.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go
 */
export function listTypeErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const at = `${path}.x-kubernetes-list-type`;
  const errors = [...mapTypeErrors(schema, path)];
  if (type !== undefined && schema.type !== 'array') {
    errors.push(typeError(schema, path, 'must be array if x-kubernetes-list-type is specified'));
  }
  if (type !== undefined && !LIST_TYPES.includes(type)) {
    return [...errors, field.notSupported(at, type, LIST_TYPES)];
  }
  if (type === 'set') errors.push(...setErrors(schema, path));
  if (type === 'map') errors.push(...keyedErrors(schema, keys, path));
  else if (keys.length > 0) {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(type === undefined ? field.required(at, why) : field.invalid(at, type, why));
  }
  return errors;
}

function mapTypeErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const type = schema['x-kubernetes-map-type'];
  if (type === undefined) return [];
  const why = 'must be object if x-kubernetes-map-type is specified';
  return [
    ...(schema.type === 'object' ? [] : [typeError(schema, path, why)]),
    ...(MAP_TYPES.includes(type)
      ? []
      : [field.notSupported(`${path}.x-kubernetes-map-type`, type, MAP_TYPES)]),
  ];
}

function typeError({ type }: JsonSchema, path: string, why: string): FieldError {
  const at = `${path}.type`;
  return type === undefined ? field.required(at, why) : field.invalid(at, type, why);
}

/** The items of a set are compared as wholes. */
function setErrors({ items = {} }: JsonSchema, path: string): readonly FieldError[] {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const list = items['x-kubernetes-list-type'];
  if (items.type === 'array' && list !== undefined && list !== 'atomic') {
    return [field.invalid(`${path}.items.x-kubernetes-list-type`, list, why)];
  }
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    // a real server shows the type of the list, which an object does not have
    return [field.invalid(`${path}.items.x-kubernetes-map-type`, null, why)];
  }
  return nullableItems(items, 'set', path);
}

function nullableItems(items: JsonSchema, type: string, path: string): readonly FieldError[] {
  if (items.nullable !== true) return [];
  const why = `cannot be nullable when x-kubernetes-list-type is ${type}`;
  return [field.forbidden(`${path}.items.nullable`, why)];
}

function keyedErrors(
  { items }: JsonSchema,
  keys: readonly string[],
  path: string,
): readonly FieldError[] {
  const at = `${path}.x-kubernetes-list-map-keys`;
  const errors: FieldError[] = [];
  if (keys.length === 0) {
    errors.push(field.required(at, 'must not be empty if x-kubernetes-list-type is map'));
  }
  if (items === undefined) {
    const why = 'must have a schema if x-kubernetes-list-type is map';
    return [...errors, field.required(`${path}.items`, why)];
  }
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(field.invalid(`${path}.items.type`, items.type ?? '', why));
  }
  errors.push(...keys.flatMap((key) => keyErrors(items, { key, keys }, path)));
  if (new Set(keys).size < keys.length) {
    errors.push(field.invalid(at, keys, 'must not contain duplicate entries'));
  }
  return [...errors, ...nullableItems(items, 'map', path)];
}

/** A key is a scalar that every item has. */
function keyErrors(
  items: JsonSchema,
  { key, keys }: Readonly<{ key: string; keys: readonly string[] }>,
  path: string,
): readonly FieldError[] {
  const property = items.properties?.[key];
  if (property === undefined) {
    if (items.type !== 'object') return [];
    const why = 'entries must all be names of item properties';
    return [field.invalid(`${path}.x-kubernetes-list-map-keys`, keys, why)];
  }
  const at = `${path}.items.properties[${key}]`;
  const errors: FieldError[] = [];
  if (property.type === 'array' || property.type === 'object') {
    const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
    errors.push(field.invalid(`${at}.type`, property.type, why));
  }
  const isSet = items.required?.includes(key) === true || property.default !== undefined;
  const why = 'this property is in x-kubernetes-list-map-keys, so it';
  if (!isSet) {
    errors.push(
      field.required(`${at}.default`, `${why} must have a default or be a required property`),
    );
  }
  if (property.nullable === true) {
    errors.push(field.forbidden(`${at}.nullable`, `${why} cannot be nullable`));
  }
  return errors;
}
