import { CelDuration, CelTimestamp, type CelValue, numberOf } from '../../model/cel/value.js';
import { mismatch } from './arguments.js';

/** Orders two values of one type: negative when `a` comes first. @throws {EvaluationError} */
export function compareItems(a: CelValue, b: CelValue): number {
  const left = sortable(a);
  const right = sortable(b);
  if (typeof left === 'string' || typeof right === 'string') {
    if (typeof left !== typeof right) throw mismatch('values of one type', b);
    return compareText(String(left), String(right));
  }
  return left < right ? -1 : left > right ? 1 : 0;
}

function sortable(value: CelValue): string | number | bigint {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof CelTimestamp || value instanceof CelDuration) return value.ns;
  if (value instanceof Uint8Array) return Array.from(value, byteText).join('');
  const number = numberOf(value);
  if (number === undefined) throw mismatch('a value with an order', value);
  return number;
}

function byteText(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** Orders by code points, as Go does; JavaScript's own order is by UTF-16 units. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const left = Array.from(a);
  const right = Array.from(b);
  const at = left.findIndex((letter, index) => letter !== right[index]);
  if (at < 0) return -1;
  return (left[at]?.codePointAt(0) ?? -1) - (right[at]?.codePointAt(0) ?? -1);
}
