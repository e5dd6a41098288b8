import { Buffer } from 'node:buffer';

import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  STRING,
  TIMESTAMP,
} from '../../../model/cel/type.js';
import {
  CelList,
  CelMap,
  type CelValue,
  EvaluationError,
  type ListIdentity,
} from '../../../model/cel/value.js';
import { type JsonSchema, valueSchema } from '../../../model/json-schema.js';
import { isObject } from '../../../model/object.js';
import { parseCelDuration, parseCelTimestamp } from '../../cel/library/times.js';
import { readJson } from '../../cel/read-json.js';
import { escapeName } from './escape-name.js';

type Read = (value: unknown) => CelValue;

/** Describes to expressions a value with a schema: its type, and how to read it. */
export interface Shape {
  readonly type: CelType;
  readonly read: Read;
}

/**
 * The shape of values of a schema.
 *
 * @param name of the type, when it is an object
 * @param isResource adds the fields that every resource has
 * @returns undefined for values that expressions do not see, because their fields are not known
 * @see Kubernetes 1.36 apiserver pkg/cel/common/schemas.go, values.go
 */
export function shapeOf(schema: JsonSchema, name: string, isResource: boolean): Shape | undefined {
  const shape = plainShape(schema, name, isResource);
  if (shape === undefined) return undefined;
  const { type, read } = shape;
  return { type, read: (value) => (value === null ? null : read(value)) };
}

function plainShape(schema: JsonSchema, name: string, isResource: boolean): Shape | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return { type: DYN, read: readJson };
  switch (schema.type) {
    case 'array':
      return listShape(schema, name);
    case 'object': {
      const values = valueSchema(schema);
      return values === undefined
        ? objectShape(isResource ? asResource(schema) : schema, name)
        : mapShape(values, name);
    }
    case 'string':
      return textShape(schema.format);
    case 'boolean':
      return { type: BOOL, read: (value) => value === true };
    case 'integer':
      return { type: INT, read: (value) => BigInt(Math.trunc(Number(value))) };
    case 'number':
      return { type: DOUBLE, read: Number };
    default:
      return undefined;
  }
}

const TEXT: Shape = { type: STRING, read: String };

function textShape(format: string | undefined): Shape {
  switch (format) {
    case 'byte':
      return { type: BYTES, read: (value) => new Uint8Array(Buffer.from(String(value), 'base64')) };
    case 'duration':
      return { type: DURATION, read: (value) => parsed(parseCelDuration(String(value)), format) };
    case 'date':
      return {
        type: TIMESTAMP,
        read: (value) => parsed(parseCelTimestamp(`${String(value)}T00:00:00Z`), format),
      };
    case 'date-time':
      return { type: TIMESTAMP, read: (value) => parsed(parseCelTimestamp(String(value)), format) };
    default:
      return TEXT;
  }
}

function parsed<T>(value: T | undefined, format: string): T {
  if (value === undefined) throw new EvaluationError(`invalid data, expected ${format}`);
  return value;
}

function listShape(schema: JsonSchema, name: string): Shape | undefined {
  const { items } = schema;
  if (items === undefined) return undefined;
  const of = shapeOf(items, `${name}.@idx`, isEmbedded(items));
  if (of === undefined) return undefined;
  const identity = identityOf(schema);
  return {
    type: { kind: 'list', of: of.type },
    read: (value) => new CelList(Array.isArray(value) ? value.map(of.read) : [], identity),
  };
}

function identityOf(schema: JsonSchema): ListIdentity {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'map') {
    const keys = (schema['x-kubernetes-list-map-keys'] ?? []).map(
      (key) => escapeName(key) ?? hiddenName(key),
    );
    return { kind: 'map', keys };
  }
  return { kind: type === 'set' ? 'set' : 'atomic' };
}

function mapShape(values: JsonSchema, name: string): Shape | undefined {
  const of = shapeOf(values, `${name}.@elem`, isEmbedded(values));
  if (of === undefined) return undefined;
  return {
    type: { kind: 'map', key: STRING, of: of.type },
    read: (value) =>
      new CelMap(new Map(entriesOf(value).map(([key, item]) => [key, of.read(item)]))),
  };
}

/** Fields of an object that expressions cannot name still tell it from others, by names of this kind. */
function hiddenName(field: string): string {
  return `\0${field}`;
}

/** A field that is null counts as absent. */
function objectShape({ properties = {} }: JsonSchema, name: string): Shape {
  const fields = new Map<string, Readonly<{ escaped: string; type: CelType; read: Read }>>();
  for (const [field, schema] of Object.entries(properties)) {
    const escaped = escapeName(field);
    const shape = shapeOf(schema, `${name}.${escaped ?? field}`, isEmbedded(schema));
    if (escaped !== undefined && shape !== undefined) fields.set(field, { ...shape, escaped });
  }
  const types = [...fields].flatMap(([field, { escaped, type }]) =>
    namesOf(field, escaped).map((one) => [one, type] as const),
  );
  const readEntry = ([field, item]: readonly [string, unknown]): readonly [string, CelValue][] => {
    const known = fields.get(field);
    if (known === undefined) return [[hiddenName(field), readJson(item)]];
    if (item === null) return [];
    const read = known.read(item);
    return namesOf(field, known.escaped).map((one) => [one, read]);
  };
  return {
    type: { kind: 'object', name, fields: new Map(types) },
    read: (value) => new CelMap(new Map(entriesOf(value).flatMap(readEntry)), name),
  };
}

/** A field with the name of a word of the language, like `namespace`, has both names. */
function namesOf(field: string, escaped: string): readonly string[] {
  return escaped === `__${field}__` ? [escaped, field] : [escaped];
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) ? Object.entries(value) : [];
}

export function isEmbedded(schema: JsonSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

/** Rules see these fields of each resource, even when its schema does not have them. */
export function asResource(schema: JsonSchema): JsonSchema {
  const { properties = {} } = schema;
  const { kind, apiVersion, metadata } = properties;
  const { name, generateName } = metadata?.properties ?? {};
  if ([kind, apiVersion, name, generateName].every((field) => field?.type === 'string'))
    return schema;
  return { ...schema, properties: { ...properties, ...TYPE_AND_NAME } };
}

const TEXT_SCHEMA: JsonSchema = { type: 'string' };
const TYPE_AND_NAME: Readonly<Record<string, JsonSchema>> = {
  kind: TEXT_SCHEMA,
  apiVersion: TEXT_SCHEMA,
  metadata: { type: 'object', properties: { name: TEXT_SCHEMA, generateName: TEXT_SCHEMA } },
};
