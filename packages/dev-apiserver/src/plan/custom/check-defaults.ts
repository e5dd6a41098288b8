import { field, type FieldError } from '../../model/errors.js';
import type { JsonSchema } from '../../model/json-schema.js';
import { deepEqual, isObject } from '../../model/object.js';
import { pruned, prunedItems } from './prune.js';
import { validateObject } from './validate-value.js';

/**
 * Checks that the defaults of a schema are what the schema allows, apart from its rules in CEL.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/defaulting/validation.go
 */
export function defaultErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const { items } = schema;
  return [
    ...(schema.default === undefined ? [] : ownErrors(schema, schema.default, `${path}.default`)),
    ...(items === undefined ? [] : defaultErrors(items, `${path}.items`)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      defaultErrors(property, `${path}.properties[${name}]`),
    ),
  ];
}

function ownErrors(schema: JsonSchema, value: unknown, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (!deepEqual(prunedDefault(schema, value), value)) {
    errors.push(field.invalid(path, value, 'must not have unknown fields'));
  }
  const found = validateObject(schema, value).map((error) => ({
    ...error,
    field:
      error.field === '' ? path : `${path}${error.field.startsWith('[') ? '' : '.'}${error.field}`,
  }));
  return [...errors, ...found];
}

function prunedDefault(schema: JsonSchema, value: unknown): unknown {
  return isObject(value) ? pruned(schema, value, [], false) : prunedItems(schema, value);
}
