import { field, type FieldError } from '../../model/errors.js';
import { fieldSchema, type JsonSchema } from '../../model/json-schema.js';
import { deepEqual, isObject, type JsonObject } from '../../model/object.js';
import { hasFormat } from './formats.js';
import { matchesPattern } from './patterns.js';

/** A value before an update, where it has a counterpart; absent on creation and in sets. */
type Before = Readonly<{ value: unknown }> | undefined;

/**
 * Checks a custom resource, or a value in one, against its schema, in the words of a real API
 * server. A schema that has become stricter does not refuse what an update leaves as it is.
 *
 * @param old the state before an update
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/validation/{validation,ratcheting}.go,
 * kube-openapi pkg/validation/errors/schema.go
 */
export function validateObject(
  schema: JsonSchema,
  object: unknown,
  old?: JsonObject,
): readonly FieldError[] {
  const before = old === undefined ? undefined : { value: old };
  const hadDuplicates = old !== undefined && duplicates(schema, old, '').length > 0;
  return [
    ...valueErrors(schema, object, '', before),
    ...(hadDuplicates ? [] : duplicates(schema, object, '')),
  ];
}

function valueErrors(
  schema: JsonSchema,
  value: unknown,
  path: string,
  before?: Before,
): readonly FieldError[] {
  if (before !== undefined && deepEqual(before.value, value)) return [];
  if (value === null && schema.nullable === true) return [];
  const found = typeOf(value);
  const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : schema.type;
  if (wanted !== undefined && !wanted.split(',').some((type) => fits(type, found))) {
    return [field.typeInvalid(path, found, `${body(path)} must be of type ${wanted}: "${found}"`)];
  }
  return [
    ...combinations(schema, value, path),
    ...(typeof value === 'string' ? textErrors(schema, value, path) : []),
    ...(typeof value === 'number' ? numberErrors(schema, value, path) : []),
    ...(Array.isArray(value) ? listErrors(schema, value, path, before) : []),
    ...enumErrors(schema, value, path),
    ...(isObject(value) ? objectErrors(schema, value, path, before) : []),
  ];
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function fits(wanted: string, found: string): boolean {
  return wanted === found || (wanted === 'number' && found === 'integer');
}

function body(path: string): string {
  return `${path} in body`;
}

function enumErrors(schema: JsonSchema, value: unknown, path: string): readonly FieldError[] {
  const allowed = schema.enum;
  if (allowed === undefined || allowed.some((one) => deepEqual(one, value))) return [];
  const shown = allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  return [field.notSupported(path, value, shown)];
}

function textErrors(schema: JsonSchema, value: string, path: string): readonly FieldError[] {
  const { minLength, maxLength, pattern, format } = schema;
  const length = Array.from(value).length;
  const errors: FieldError[] = [];
  if (maxLength !== undefined && length > maxLength) errors.push(field.tooLong(path, maxLength));
  else if (minLength !== undefined && length < minLength) {
    const why = `${body(path)} should be at least ${minLength} chars long`;
    errors.push(field.invalid(path, value, why));
  } else if (pattern !== undefined && !matchesPattern(pattern, value)) {
    errors.push(field.invalid(path, value, `${body(path)} should match '${pattern}'`));
  }
  if (format !== undefined && !hasFormat(value, format)) {
    const why = `${body(path)} must be of type ${format}: ${JSON.stringify(value)}`;
    errors.push(field.typeInvalid(path, value, why));
  }
  return errors;
}

function numberErrors(schema: JsonSchema, value: number, path: string): readonly FieldError[] {
  const { minimum, maximum, multipleOf, exclusiveMinimum, exclusiveMaximum } = schema;
  const errors: FieldError[] = [];
  const refuse = (why: string) =>
    errors.push(field.invalid(path, value, `${body(path)} should be ${why}`));
  if (schema.type === 'integer' && schema.format === 'int32' && (value | 0) !== value) {
    const why = `Checked value must be of type integer with format int32 in ${path}`;
    errors.push(combination(why));
  }
  if (multipleOf !== undefined && value % multipleOf !== 0) refuse(`a multiple of ${multipleOf}`);
  if (maximum !== undefined) {
    if (exclusiveMaximum === true && value >= maximum) refuse(`less than ${maximum}`);
    else if (value > maximum) refuse(`less than or equal to ${maximum}`);
  }
  if (minimum !== undefined) {
    if (exclusiveMinimum === true && value <= minimum) refuse(`greater than ${minimum}`);
    else if (value < minimum) refuse(`greater than or equal to ${minimum}`);
  }
  return errors;
}

function listErrors(
  schema: JsonSchema,
  list: readonly unknown[],
  path: string,
  before: Before,
): readonly FieldError[] {
  const { items, minItems, maxItems } = schema;
  const count = list.length;
  const errors: FieldError[] = [];
  if (items !== undefined) {
    const found = list.flatMap((item, index) =>
      valueErrors(items, item, `${path}[${index}]`, itemBefore(schema, item, before)),
    );
    errors.push(...found);
  }
  if (minItems !== undefined && count < minItems) {
    errors.push(field.invalid(path, count, `${body(path)} should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && count > maxItems) errors.push(field.tooMany(path, count, maxItems));
  return errors;
}

/** Only items of keyed lists have counterparts. */
function itemBefore(schema: JsonSchema, item: unknown, before: Before): Before {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'map' || !isObject(item)) return undefined;
  const list: readonly unknown[] = Array.isArray(before?.value) ? before.value : [];
  const wanted = picked(item, keys);
  const value = list.find((one) => isObject(one) && deepEqual(picked(one, keys), wanted));
  return value === undefined ? undefined : { value };
}

function objectErrors(
  schema: JsonSchema,
  object: JsonObject,
  path: string,
  before: Before,
): readonly FieldError[] {
  const { required = [], minProperties, maxProperties } = schema;
  const count = Object.keys(object).length;
  const errors: FieldError[] = [];
  if (minProperties !== undefined && count < minProperties) {
    const why = `${body(path)} should have at least ${minProperties} properties`;
    errors.push(field.invalid(path, count, why));
  }
  if (maxProperties !== undefined && count > maxProperties) {
    errors.push(field.tooMany(path, count, maxProperties));
  }
  for (const name of required) {
    if (!Object.hasOwn(object, name)) errors.push(field.required(inside(path, name)));
  }
  if (schema['x-kubernetes-embedded-resource'] === true) {
    for (const name of ['apiVersion', 'kind'].filter((part) => (object[part] ?? '') === '')) {
      if (!required.includes(name)) errors.push(field.required(inside(path, name)));
    }
  }
  const was = isObject(before?.value) ? before.value : {};
  for (const [name, value] of Object.entries(object)) {
    const known = fieldSchema(schema, name);
    const old = Object.hasOwn(was, name) ? { value: was[name] } : undefined;
    if (known !== undefined) errors.push(...valueErrors(known, value, inside(path, name), old));
  }
  return errors;
}

function inside(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** A real server reports these without the field's path. */
function combination(why: string): FieldError {
  return field.invalid('<nil>', '', why);
}

function combinations(schema: JsonSchema, value: unknown, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const place = JSON.stringify(path);
  const tried = (of: readonly JsonSchema[]) => of.map((one) => valueErrors(one, value, path));
  const valid = (results: readonly (readonly FieldError[])[]) =>
    results.filter(({ length }) => length === 0).length;
  if (schema.anyOf !== undefined) {
    const results = tried(schema.anyOf);
    if (valid(results) === 0) {
      errors.push(combination(`${place} must validate at least one schema (anyOf)`));
      errors.push(...closest(results));
    }
  }
  if (schema.oneOf !== undefined) {
    const results = tried(schema.oneOf);
    const count = valid(results);
    if (count !== 1) {
      const found = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`;
      errors.push(combination(`${place} must validate one and only one schema (oneOf). ${found}`));
      if (count === 0) errors.push(...closest(results));
    }
  }
  if (schema.allOf !== undefined) {
    const results = tried(schema.allOf);
    errors.push(...results.flat());
    const count = valid(results);
    if (count < results.length) {
      const none = count === 0 ? '. None validated' : '';
      errors.push(combination(`${place} must validate all the schemas (allOf)${none}`));
    }
  }
  if (schema.not !== undefined && valueErrors(schema.not, value, path).length === 0) {
    errors.push(combination(`${place} must not validate the schema (not)`));
  }
  return errors;
}

/** The errors of the alternative that has the fewest. */
function closest(results: readonly (readonly FieldError[])[]): readonly FieldError[] {
  return [...results].sort((a, b) => a.length - b.length)[0] ?? [];
}

/** @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/listtype/validation.go */
function duplicates(schema: JsonSchema, value: unknown, path: string): readonly FieldError[] {
  if (isObject(value)) {
    return Object.entries(value).flatMap(([name, item]) => {
      const known = fieldSchema(schema, name);
      return known === undefined ? [] : duplicates(known, item, inside(path, name));
    });
  }
  const { items } = schema;
  if (!Array.isArray(value) || items === undefined) return [];
  const nested = value.flatMap((item, index) => duplicates(items, item, `${path}[${index}]`));
  return [...repeated(schema, value, path), ...nested];
}

function repeated(
  schema: JsonSchema,
  list: readonly unknown[],
  path: string,
): readonly FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const shown = list.map((item) => (type === 'map' && isObject(item) ? picked(item, keys) : item));
  return shown.flatMap((item, index) =>
    shown.slice(0, index).some((earlier) => deepEqual(earlier, item))
      ? [field.duplicate(`${path}[${index}]`, item)]
      : [],
  );
}

function picked(item: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.filter((key) => key in item).map((key) => [key, item[key]]));
}
