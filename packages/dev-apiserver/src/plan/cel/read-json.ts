import { type CelType, type ObjectType } from '../../model/cel/type.js';
import {
  CelList,
  CelMap,
  type CelTimestamp,
  type CelValue,
  EvaluationError,
} from '../../model/cel/value.js';
import { isObject } from '../../model/object.js';
import { parseCelTimestamp } from './library/times.js';

/** Reads JSON without a schema: numbers without a fraction are ints. */
export function readJson(value: unknown): CelValue {
  if (Array.isArray(value)) return new CelList(value.map(readJson));
  if (isObject(value)) {
    return new CelMap(new Map(Object.entries(value).map(([key, item]) => [key, readJson(item)])));
  }
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  return typeof value === 'string' || typeof value === 'boolean' ? value : null;
}

/** Reads JSON as a value of a type; fields that an object type does not have are left out. */
export function readTyped(value: unknown, type: CelType): CelValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'object':
      return readObject(value, type);
    case 'list':
      return new CelList(Array.isArray(value) ? value.map((item) => readTyped(item, type.of)) : []);
    case 'map': {
      const entries = isObject(value) ? Object.entries(value) : [];
      return new CelMap(new Map(entries.map(([key, item]) => [key, readTyped(item, type.of)])));
    }
    case 'simple':
      return type.name === 'timestamp' ? readTimestamp(value) : readJson(value);
    case 'optional':
    case 'variable':
      return readJson(value);
  }
}

function readObject(value: unknown, { name, fields }: ObjectType): CelMap {
  const entries = Object.entries(isObject(value) ? value : {}).flatMap(([key, item]) => {
    const type = fields.get(key);
    return type === undefined ? [] : [[key, readTyped(item, type)] as const];
  });
  return new CelMap(new Map(entries), name);
}

function readTimestamp(value: unknown): CelTimestamp {
  const found = parseCelTimestamp(String(value));
  if (found === undefined) throw new EvaluationError('invalid data, expected date-time');
  return found;
}
