import { field, type FieldError } from '../../model/errors.js';
import { type JsonSchema, valueSchema } from '../../model/json-schema.js';
import { defaultErrors } from './check-defaults.js';
import { listTypeErrors } from './check-lists.js';
import { patternProblem } from './patterns.js';
import { ruleErrors } from './rules/check-rules.js';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

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
  const unusable = keywordErrors(schema, path);
  if (unusable.length > 0) return unusable;
  const errors = [...structureErrors(schema, path, 'root')];
  if (schema.type !== undefined && schema.type !== 'object') {
    errors.push(field.invalid(`${path}.type`, schema.type, 'must be object at the root'));
  }
  if (typeof schema.additionalProperties === 'object') {
    errors.push(field.forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  }
  return errors.length > 0 ? errors : defaultErrors(schema, path);
}

/** Parts of JSON Schema that no schema of a definition may have. */
const FORBIDDEN = [
  'id',
  'additionalItems',
  'patternProperties',
  'definitions',
  'dependencies',
  '$ref',
];

/** The errors that keep the rest of a schema from being looked at. */
function keywordErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const { items, properties = {}, allOf = [], anyOf = [], oneOf = [], not } = schema;
  const values = valueSchema(schema);
  const inner: readonly (readonly [string, JsonSchema | undefined])[] = [
    ...Object.entries(properties).map(([name, one]) => [`properties[${name}]`, one] as const),
    ['additionalProperties', values],
    ['items', items],
    ...allOf.map((one, index) => [`allOf[${index}]`, one] as const),
    ...anyOf.map((one, index) => [`anyOf[${index}]`, one] as const),
    ...oneOf.map((one, index) => [`oneOf[${index}]`, one] as const),
    ['not', not],
  ];
  return [
    ...FORBIDDEN.filter((name) => Object.hasOwn(schema, name)).map((name) =>
      field.forbidden(`${path}.${name}`, `${name} is not supported`),
    ),
    ...inner.flatMap(([name, one]) =>
      one === undefined ? [] : keywordErrors(one, `${path}.${name}`),
    ),
  ];
}

function structureErrors(schema: JsonSchema, path: string, level: Level): readonly FieldError[] {
  const values = valueSchema(schema);
  const { items } = schema;
  return [
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((name) =>
      (schema[name] ?? []).flatMap((inner, index) =>
        alternativeErrors(inner, schema, `${path}.${name}[${index}]`, name === 'allOf'),
      ),
    ),
    ...(schema.not === undefined
      ? []
      : alternativeErrors(schema.not, schema, `${path}.not`, false)),
    ...ownErrors(schema, path, level),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      structureErrors(property, `${path}.properties[${name}]`, 'field'),
    ),
    ...(values === undefined
      ? []
      : structureErrors(values, `${path}.additionalProperties`, 'field')),
    ...(items === undefined ? [] : structureErrors(items, `${path}.items`, 'item')),
  ];
}

function ownErrors(schema: JsonSchema, path: string, level: Level): readonly FieldError[] {
  const errors: FieldError[] = [];
  const free =
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    const at = `${path}.x-kubernetes-preserve-unknown-fields`;
    errors.push(field.invalid(at, false, 'must be true or undefined'));
  }
  if (schema.type === undefined && !(free && level !== 'root')) {
    errors.push(field.required(`${path}.type`, TYPE_REQUIRED[level]));
  } else if (schema.type !== undefined && !TYPES.includes(schema.type)) {
    errors.push(field.notSupported(`${path}.type`, schema.type, TYPES));
  }
  if (level === 'root') errors.push(...metadataErrors(schema, path));
  errors.push(...embeddedErrors(schema, path));
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
  const problem = schema.pattern === undefined ? undefined : patternProblem(schema.pattern);
  if (problem !== undefined) {
    const why = `must be a valid regular expression, but isn't: ${problem}`;
    errors.push(field.invalid(`${path}.pattern`, schema.pattern, why));
  }
  return [...errors, ...listTypeErrors(schema, path), ...ruleErrors(schema, path)];
}

/** The server describes metadata itself; a definition may only restrict the names. */
function metadataErrors({ properties = {} }: JsonSchema, path: string): readonly FieldError[] {
  const { metadata } = properties;
  if (metadata === undefined) return [];
  const at = `${path}.properties[metadata]`;
  const { type, properties: named = {}, ...others } = metadata;
  const isRestricted =
    Object.keys(named).some((name) => name !== 'name' && name !== 'generateName') ||
    Object.keys(others).length > 0;
  const why =
    'must not specify anything other than name and generateName, but metadata is implicitly specified';
  return [
    ...(type === 'object' ? [] : [field.invalid(`${at}.type`, type ?? '', 'must be object')]),
    ...(isRestricted ? [field.forbidden(at, why)] : []),
  ];
}

function embeddedErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  if (schema['x-kubernetes-embedded-resource'] !== true) return [];
  const isFree = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (isFree || Object.keys(schema.properties ?? {}).length > 0) return [];
  const why =
    'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
  return [field.required(`${path}.properties`, why)];
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
