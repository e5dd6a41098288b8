import {
  CelDuration,
  CelList,
  CelMap,
  CelOptional,
  CelTimestamp,
  type CelValue,
  EvaluationError,
  numberOf,
  typeNameOf,
} from '../../model/cel/value.js';

/** These read an argument. The checker has made sure of its type, or found it out by the value. */

export function mismatch(wanted: string, value: CelValue): EvaluationError {
  return new EvaluationError(`no such overload: expected ${wanted}, got ${typeNameOf(value)}`);
}

export function text(value: CelValue): string {
  if (typeof value === 'string') return value;
  throw mismatch('string', value);
}

export function int(value: CelValue): bigint {
  if (typeof value === 'bigint') return value;
  throw mismatch('int', value);
}

/** An int that counts or indexes something in memory. */
export function count(value: CelValue): number {
  return Number(int(value));
}

export function double(value: CelValue): number {
  if (typeof value === 'number') return value;
  throw mismatch('double', value);
}

export function number(value: CelValue): number | bigint {
  const found = numberOf(value);
  if (found !== undefined) return found;
  throw mismatch('number', value);
}

export function bool(value: CelValue): boolean {
  if (typeof value === 'boolean') return value;
  throw mismatch('bool', value);
}

export function bytes(value: CelValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw mismatch('bytes', value);
}

export function list(value: CelValue): CelList {
  if (value instanceof CelList) return value;
  throw mismatch('list', value);
}

export function items(value: CelValue): readonly CelValue[] {
  return list(value).items;
}

export function map(value: CelValue): CelMap {
  if (value instanceof CelMap) return value;
  throw mismatch('map', value);
}

export function optional(value: CelValue): CelOptional {
  if (value instanceof CelOptional) return value;
  throw mismatch('optional_type', value);
}

export function timestamp(value: CelValue): CelTimestamp {
  if (value instanceof CelTimestamp) return value;
  throw mismatch('timestamp', value);
}

export function duration(value: CelValue): CelDuration {
  if (value instanceof CelDuration) return value;
  throw mismatch('duration', value);
}
