import { Buffer } from 'node:buffer';

import { type JsonSchema, valueSchema } from '../../../model/json-schema.js';
import type { Sized } from '../../cel/cost/size.js';
import { escapeName } from './escape-name.js';
import { asResource, isEmbedded } from './shape.js';

/** Bytes of the largest request. */
const LARGEST_REQUEST = 3 * 1024 * 1024;
const QUOTES = 2;
const BRACES = 2;

const TEXT = { leastBytes: QUOTES, most: LARGEST_REQUEST - QUOTES };
const KEY: Sized = { leastBytes: QUOTES, most: 0 };

/** Longest and shortest texts of these formats, in bytes of JSON. */
const FORMATS: Readonly<Record<string, Sized>> = {
  duration: { most: 32, leastBytes: 3 },
  date: { most: 12, leastBytes: 12 },
  'date-time': { most: 32, leastBytes: 21 },
};

/**
 * How large the values of a schema can be: as it says, or as fits into a request.
 *
 * @param isResource adds the fields that every resource has
 * @returns undefined for values that expressions do not see
 * @see Kubernetes 1.36 apiserver pkg/cel/common/schemas.go, pkg/cel/limits.go
 */
export function sizesOf(schema: JsonSchema, isResource: boolean): Sized | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return { leastBytes: 1, most: longest(schema) ?? TEXT.most };
  }
  switch (schema.type) {
    case 'array':
      return listSizes(schema);
    case 'object': {
      const values = valueSchema(schema);
      return values === undefined
        ? objectSizes(isResource ? asResource(schema) : schema)
        : mapSizes(schema, values);
    }
    case 'string':
      return textSizes(schema);
    case 'boolean':
      return { most: 0, leastBytes: 4 };
    case 'number':
    case 'integer':
      return { most: 0, leastBytes: 1 };
    default:
      return undefined;
  }
}

/** A character takes four bytes at most. */
function longest({ maxLength }: JsonSchema): number | undefined {
  return maxLength === undefined ? undefined : Math.max(maxLength, 0) * 4;
}

function textSizes(schema: JsonSchema): Sized {
  const { format = '', maxLength, enum: values = [] } = schema;
  if (format === 'byte') {
    return { ...TEXT, most: maxLength === undefined ? TEXT.most : Math.max(maxLength, 0) };
  }
  const known = FORMATS[format];
  if (known !== undefined) return known;
  const most = longest(schema);
  if (most !== undefined || values.length === 0) return { ...TEXT, most: most ?? TEXT.most };
  const lengths = values.map((one) => (typeof one === 'string' ? Buffer.byteLength(one) : 0));
  return { ...TEXT, most: Math.max(...lengths) };
}

function listSizes({ items, maxItems }: JsonSchema): Sized | undefined {
  const item = items === undefined ? undefined : sizesOf(items, isEmbedded(items));
  if (item === undefined) return undefined;
  const fit = Math.floor((LARGEST_REQUEST - BRACES) / (item.leastBytes + 1));
  return { most: maxItems === undefined ? fit : Math.max(maxItems, 0), leastBytes: BRACES, item };
}

function mapSizes({ maxProperties }: JsonSchema, values: JsonSchema): Sized | undefined {
  const item = sizesOf(values, isEmbedded(values));
  if (item === undefined) return undefined;
  const fit = Math.floor((LARGEST_REQUEST - BRACES) / (item.leastBytes + 6));
  const most = maxProperties === undefined ? fit : Math.max(maxProperties, 0);
  return { most, leastBytes: BRACES, key: KEY, item };
}

/** Only required fields without a default are there for certain. */
function objectSizes({ properties = {}, required = [] }: JsonSchema): Sized {
  const fields = new Map<string, Sized>();
  let leastBytes = BRACES;
  for (const [name, schema] of Object.entries(properties)) {
    const field = sizesOf(schema, isEmbedded(schema));
    if (field === undefined) continue;
    const escaped = escapeName(name);
    if (escaped !== undefined) fields.set(escaped, field);
    if (escaped === `__${name}__`) fields.set(name, field);
    if (required.includes(name) && schema.default === undefined) {
      leastBytes += Buffer.byteLength(name) + field.leastBytes + 4;
    }
  }
  return { most: 0, leastBytes, fields };
}

/** How many values that take so many bytes fit into a request. */
export function mostValues({ leastBytes }: Sized): number {
  return Math.floor(LARGEST_REQUEST / (leastBytes + 1));
}
