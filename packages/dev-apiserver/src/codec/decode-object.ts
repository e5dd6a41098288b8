import { parseQuantity } from '@nodeagent/base';

import { StatusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { isObject, type JsonObject } from '../model/object.js';
import { fieldsOf, type FieldType } from '../model/schema.js';
import { pruned } from '../plan/custom/prune.js';

export interface Decoded {
  readonly object: JsonObject;
  /** Paths of fields that the kind does not have; the decoded object does not hold them. */
  readonly unknown: readonly string[];
}

/**
 * Reads a body as the API does. Unknown fields and null fields are dropped; nulls in lists and maps
 * become the element type's zero value; numbers become text where the API expects quantities; a
 * value of the wrong type is refused.
 *
 * @throws {StatusError} 400
 */
export function decodeObject(kind: Kind, body: JsonObject): Decoded {
  const unknown: string[] = [];
  try {
    if (kind.custom !== undefined) {
      const object = pruned(kind.custom.schema, body, unknown);
      const metadata: FieldType = { shape: 'one', of: 'V1ObjectMeta' };
      const where = { path: 'metadata', unknown };
      return {
        object: { ...object, metadata: decodeValue(metadata, object['metadata'] ?? {}, where) },
        unknown,
      };
    }
    return { object: decodeFields(kind.type, body, { path: '', unknown }), unknown };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw unreadable(kind, error.message);
  }
}

/**
 * Reports unknown fields as the query's `fieldValidation` asks: as warnings unless it says otherwise.
 *
 * @throws {StatusError} 400 with `Strict`
 */
export function reportUnknown(
  kind: Kind,
  unknown: readonly string[],
  { query, warnings }: Readonly<{ query: URLSearchParams; warnings: string[] }>,
): void {
  const how = query.get('fieldValidation') ?? 'Warn';
  if (unknown.length === 0 || how === 'Ignore') return;
  const fields = unknown.map((path) => `unknown field "${path}"`);
  if (how === 'Strict') throw unreadable(kind, `strict decoding error: ${fields.join(', ')}`);
  for (const text of fields) if (!warnings.includes(text)) warnings.push(text);
}

function unreadable(kind: Kind, why: string): StatusError {
  const message = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`;
  return new StatusError(400, 'BadRequest', message);
}

interface Where {
  readonly path: string;
  readonly unknown: string[];
}

function decodeFields(type: string, value: JsonObject, { path, unknown }: Where): JsonObject {
  const fields = fieldsOf(type);
  if (fields === undefined) return value;
  const decoded: JsonObject = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === null || item === undefined) continue;
    const here = path === '' ? name : `${path}.${name}`;
    const field = fields.get(name);
    if (field === undefined) unknown.push(here);
    else decoded[name] = decodeValue(field, item, { path: here, unknown });
  }
  return decoded;
}

function decodeValue({ shape, of }: FieldType, value: unknown, where: Where): unknown {
  const { path, unknown } = where;
  if (shape === 'list') {
    if (!Array.isArray(value)) throw wrong(path, value, 'list');
    return value.map((item, i) => {
      return item === null ? zeroOf(of) : decodeOne(of, item, { path: `${path}[${i}]`, unknown });
    });
  }
  if (shape === 'map') {
    if (!isObject(value)) throw wrong(path, value, 'map');
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        if (item === null) return [key, zeroOf(of)];
        return [key, decodeOne(of, item, { path: `${path}.${key}`, unknown })];
      }),
    );
  }
  return decodeOne(of, value, where);
}

/** The expression in the error message of every API server. */
const QUANTITY = '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const JSON_TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  bytes: 'string',
  time: 'string',
  microtime: 'string',
  boolean: 'boolean',
  int32: 'number',
  int64: 'number',
  double: 'number',
};

/**
 * Go's JSON decoder reads a null in a list or a map as the zero value, and Go writes that value
 * again.
 */
function zeroOf(of: string): unknown {
  if (of === 'string') return '';
  if (of === 'quantity') return '0';
  if (of === 'boolean') return false;
  if (of === 'int32' || of === 'int64' || of === 'double' || of === 'int-or-string') return 0;
  return fieldsOf(of) === undefined ? null : {}; // bytes and times without a value are null
}

function decodeOne(of: string, value: unknown, where: Where): unknown {
  if (of === 'quantity' && typeof value === 'number') return String(value);
  const wanted = of === 'quantity' ? 'string' : JSON_TYPES[of];
  if (wanted !== undefined) {
    if (typeof value !== wanted) throw wrong(where.path, value, wanted);
    if (of === 'quantity' && parseQuantity(String(value)) === undefined) {
      throw new TypeError(`quantities must match the regular expression '${QUANTITY}'`);
    }
    if (of === 'bytes' && !BASE64.test(String(value))) throw new TypeError('illegal base64 data');
    if (of.startsWith('int') && !Number.isInteger(value)) throw wrong(where.path, value, 'integer');
    return value;
  }
  if (of === 'int-or-string') {
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw wrong(where.path, value, 'number or string');
    }
    return value;
  }
  if (fieldsOf(of) === undefined) return value;
  if (!isObject(value)) throw wrong(where.path, value, 'object');
  return decodeFields(of, value, where);
}

function wrong(path: string, value: unknown, wanted: string): TypeError {
  const found = Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value;
  return new TypeError(`json: cannot unmarshal ${found} into field ${path} of type ${wanted}`);
}
