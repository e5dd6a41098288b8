import { Buffer, isUtf8 } from 'node:buffer';

import {
  CelTypeName,
  type CelValue,
  EvaluationError,
  typeNameOf,
} from '../../../model/cel/value.js';
import { bool, bytes, double, int, number, text } from '../arguments.js';
import type { Library } from '../signature.js';
import { checkedInt, checkedUint } from './operators.js';

function noConversion(type: string): EvaluationError {
  return new EvaluationError(`type conversion error from 'string' to '${type}'`);
}

function parsedInt(value: string, type: string): bigint {
  if (!/^[+-]?\d+$/.test(value)) {
    throw noConversion(type);
  }
  return BigInt(value.replace(/^\+/, ''));
}

function wholePart(value: number): bigint {
  if (!Number.isFinite(value)) throw new EvaluationError('integer overflow');
  return BigInt(Math.trunc(value));
}

const DOUBLE = /^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const INFINITE = /^([+-]?)inf(inity)?$/i;

function parsedDouble(value: string): number {
  const infinite = INFINITE.exec(value);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  if (/^nan$/i.test(value)) return Number.NaN;
  if (DOUBLE.test(value)) return Number(value);
  throw noConversion('double');
}

/** The shortest text that gives the number back, as Go's `g` writes it: `0.1`, `1e+06`. */
function shortest(value: number): string {
  const [mantissa = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (!Number.isFinite(value) || (exponent >= -4 && exponent <= 5)) return showDouble(value);
  const sign = exponent < 0 ? '-' : '+';
  return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

export function showDouble(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function decoded(value: Uint8Array): string {
  if (!isUtf8(value)) throw new EvaluationError('invalid UTF-8 in bytes, cannot convert to string');
  return Buffer.from(value).toString();
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function parsedBool(value: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw noConversion('bool');
}

const same = (value: CelValue): CelValue => value;

export const CONVERSIONS: Library = [
  ['dyn', '(A) dyn', same],
  ['type', '(A) type', (a) => new CelTypeName(typeNameOf(a))],
  ['bool', '(bool) bool', bool],
  ['bool', '(string) bool', (a) => parsedBool(text(a))],
  ['int', '(int) int', same],
  ['int', '(uint) int', (a) => checkedInt(BigInt(number(a)))],
  ['int', '(double) int', (a) => checkedInt(wholePart(double(a)))],
  ['int', '(string) int', (a) => checkedInt(parsedInt(text(a), 'int'))],
  ['uint', '(uint) uint', same],
  ['uint', '(int) uint', (a) => checkedUint(int(a))],
  ['uint', '(double) uint', (a) => checkedUint(wholePart(double(a)))],
  ['uint', '(string) uint', (a) => checkedUint(parsedInt(text(a), 'uint'))],
  ['double', '(double) double', same],
  ['double', '(int) double', (a) => Number(int(a))],
  ['double', '(uint) double', (a) => Number(number(a))],
  ['double', '(string) double', (a) => parsedDouble(text(a))],
  ['string', '(string) string', same],
  ['string', '(bool) string', (a) => String(bool(a))],
  ['string', '(int) string', (a) => String(int(a))],
  ['string', '(uint) string', (a) => String(number(a))],
  ['string', '(double) string', (a) => shortest(double(a))],
  ['string', '(bytes) string', (a) => decoded(bytes(a))],
  ['bytes', '(bytes) bytes', same],
  ['bytes', '(string) bytes', (a) => new Uint8Array(Buffer.from(text(a)))],
];
