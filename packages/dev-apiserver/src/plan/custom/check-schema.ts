import { field, type FieldError } from '../../model/errors.js';
import { type JsonSchema, valueSchema } from '../../model/json-schema.js';
import { isPattern } from './patterns.js';
import { ruleErrors } from './rules/check-rules.js';

type Level = 'root' | 'field' | 'item';

const TYPE_REQUIRED: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  item: 'must not be empty for specified array items',
};

/**
 * Checks that a schema is structural: each field has one type, and alternatives only restrict.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/validation.go
 */
export function schemaErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors = [...structureErrors(schema, path, 'root')];
  if (schema.type !== undefined && schema.type !== 'object') {
    errors.push(field.invalid(`${path}.type`, schema.type, 'must be object at the root'));
  }
  if (typeof schema.additionalProperties === 'object') {
    errors.push(field.forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  }
  return errors;
}

function structureErrors(schema: JsonSchema, path: string, level: Level): readonly FieldError[] {
  const values = valueSchema(schema);
  const { items } = schema;
  return [
    ...ownErrors(schema, path, level),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      structureErrors(property, `${path}.properties[${name}]`, 'field'),
    ),
    ...(values === undefined
      ? []
      : structureErrors(values, `${path}.additionalProperties`, 'field')),
    ...(items === undefined ? [] : structureErrors(items, `${path}.items`, 'item')),
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((name) =>
      (schema[name] ?? []).flatMap((inner, index) =>
        alternativeErrors(inner, schema, `${path}.${name}[${index}]`, name === 'allOf'),
      ),
    ),
    ...(schema.not === undefined
      ? []
      : alternativeErrors(schema.not, schema, `${path}.not`, false)),
  ];
}

function ownErrors(schema: JsonSchema, path: string, level: Level): readonly FieldError[] {
  const errors: FieldError[] = [];
  const free =
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema.type === undefined && !(free && level !== 'root')) {
    errors.push(field.required(`${path}.type`, TYPE_REQUIRED[level]));
  }
  if (schema.type === 'array' && schema.items === undefined) {
    errors.push(field.required(`${path}.items`, 'must be specified'));
  }
  if (schema.properties !== undefined && schema.additionalProperties !== undefined) {
    const why = 'additionalProperties and properties are mutual exclusive';
    errors.push(field.forbidden(`${path}.additionalProperties`, why));
  }
  if (schema.uniqueItems === true) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(field.forbidden(`${path}.uniqueItems`, why));
  }
  if (schema.pattern !== undefined && !isPattern(schema.pattern)) {
    const why = 'must be a valid regular expression';
    errors.push(field.invalid(`${path}.pattern`, schema.pattern, why));
  }
  return [...errors, ...listTypeErrors(schema, path), ...ruleErrors(schema, path)];
}

function listTypeErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const at = (name: string) => `${path}.x-kubernetes-${name}`;
  if (type !== undefined && !['atomic', 'set', 'map'].includes(type)) {
    return [field.notSupported(at('list-type'), type, ['atomic', 'set', 'map'])];
  }
  if (type === 'map' && keys.length === 0) {
    const why = 'must not be empty if x-kubernetes-list-type is map';
    return [field.required(at('list-map-keys'), why)];
  }
  if (type !== 'map' && keys.length > 0) {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    return [field.required(at('list-type'), why)];
  }
  if (type !== undefined && schema.type !== 'array') {
    const why = 'must be array if x-kubernetes-list-type is specified';
    return [field.required(`${path}.type`, why)];
  }
  return [];
}

/** Only the schema around an alternative may have these. */
const STRUCTURAL: readonly (readonly [keyof JsonSchema, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
];

function alternativeErrors(
  inner: JsonSchema,
  outer: JsonSchema | undefined,
  path: string,
  mayHaveRules: boolean,
): readonly FieldError[] {
  const rules = inner['x-kubernetes-validations'] ?? [];
  const isIntOrString = outer?.['x-kubernetes-int-or-string'] === true;
  return [
    ...STRUCTURAL.flatMap(([name, why]) =>
      inner[name] === undefined || (name === 'type' && isIntOrString)
        ? []
        : [field.forbidden(`${path}.${name}`, why)],
    ),
    ...(rules.length === 0 || mayHaveRules
      ? ruleErrors(inner, path)
      : [field.forbidden(`${path}.x-kubernetes-validations`, 'must be empty to be structural')]),
    ...Object.entries(inner.properties ?? {}).flatMap(([name, property]) =>
      alternativeErrors(
        property,
        outer?.properties?.[name],
        `${path}.properties[${name}]`,
        mayHaveRules,
      ),
    ),
    ...(inner.items === undefined
      ? []
      : alternativeErrors(inner.items, outer?.items, `${path}.items`, mayHaveRules)),
  ];
}
