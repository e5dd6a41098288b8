import {
  CelDuration,
  CelList,
  CelTimestamp,
  CelUint,
  type CelValue,
  EvaluationError,
  isEqual,
} from '../../../model/cel/value.js';
import { keyOf } from '../access.js';
import {
  bool,
  bytes,
  double,
  duration,
  int,
  items,
  list,
  map,
  number,
  text,
  timestamp,
} from '../arguments.js';
import { compareItems } from '../order.js';
import type { Library } from '../signature.js';

const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

/** @throws {EvaluationError} for what does not fit into 64 bits */
export function checkedInt(value: bigint): bigint {
  if (value >= MIN_INT && value <= MAX_INT) return value;
  throw new EvaluationError('integer overflow');
}

export function checkedUint(value: bigint): CelUint {
  if (value >= 0n && value <= MAX_UINT) return new CelUint(value);
  throw new EvaluationError('unsigned integer overflow');
}

function uint(value: CelValue): bigint {
  return BigInt(number(value));
}

function divided(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new EvaluationError('division by zero');
  return a / b;
}

function remainder(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new EvaluationError('modulus by zero');
  return a % b;
}

/** Sets take each item once; of two items with the same keys the right one stays, at the left place. */
function joined(a: CelValue, b: CelValue): CelValue {
  const left = list(a);
  const { identity } = left;
  if (identity.kind === 'atomic') return new CelList([...left.items, ...items(b)]);
  const keys = identity.kind === 'map' ? identity.keys : undefined;
  const isSame = (one: CelValue, other: CelValue): boolean =>
    keys?.every((key) => isEqual(at(one, key), at(other, key))) ?? isEqual(one, other);
  const result = [...left.items];
  for (const item of items(b)) {
    const known = result.findIndex((one) => isSame(one, item));
    if (known < 0) result.push(item);
    else result[known] = item;
  }
  return new CelList(result, identity);
}

function at(item: CelValue, key: string): CelValue {
  return map(item).entries.get(key) ?? null;
}

const ARITHMETIC: Library = [
  ['_+_', '(int, int) int', (a, b) => checkedInt(int(a) + int(b))],
  ['_-_', '(int, int) int', (a, b) => checkedInt(int(a) - int(b))],
  ['_*_', '(int, int) int', (a, b) => checkedInt(int(a) * int(b))],
  ['_/_', '(int, int) int', (a, b) => checkedInt(divided(int(a), int(b)))],
  ['_%_', '(int, int) int', (a, b) => remainder(int(a), int(b))],
  ['-_', '(int) int', (a) => checkedInt(-int(a))],
  ['_+_', '(uint, uint) uint', (a, b) => checkedUint(uint(a) + uint(b))],
  ['_-_', '(uint, uint) uint', (a, b) => checkedUint(uint(a) - uint(b))],
  ['_*_', '(uint, uint) uint', (a, b) => checkedUint(uint(a) * uint(b))],
  ['_/_', '(uint, uint) uint', (a, b) => checkedUint(divided(uint(a), uint(b)))],
  ['_%_', '(uint, uint) uint', (a, b) => checkedUint(remainder(uint(a), uint(b)))],
  ['_+_', '(double, double) double', (a, b) => double(a) + double(b)],
  ['_-_', '(double, double) double', (a, b) => double(a) - double(b)],
  ['_*_', '(double, double) double', (a, b) => double(a) * double(b)],
  ['_/_', '(double, double) double', (a, b) => double(a) / double(b)],
  ['-_', '(double) double', (a) => -double(a)],
  ['_+_', '(string, string) string', (a, b) => text(a) + text(b)],
  ['_+_', '(bytes, bytes) bytes', (a, b) => Uint8Array.from([...bytes(a), ...bytes(b)])],
  ['_+_', '(list<A>, list<A>) list<A>', joined],
  ['_+_', '(timestamp, duration) timestamp', (a, b) => later(a, duration(b).ns)],
  ['_+_', '(duration, timestamp) timestamp', (a, b) => later(b, duration(a).ns)],
  ['_-_', '(timestamp, duration) timestamp', (a, b) => later(a, -duration(b).ns)],
  ['_+_', '(duration, duration) duration', (a, b) => lasting(duration(a).ns + duration(b).ns)],
  ['_-_', '(duration, duration) duration', (a, b) => lasting(duration(a).ns - duration(b).ns)],
  ['_-_', '(timestamp, timestamp) duration', (a, b) => lasting(timestamp(a).ns - timestamp(b).ns)],
];

function later(time: CelValue, ns: bigint): CelTimestamp {
  return new CelTimestamp(timestamp(time).ns + ns);
}

function lasting(ns: bigint): CelDuration {
  return new CelDuration(checkedInt(ns));
}

/** Numbers can be compared with numbers of other types. */
const COMPARED = [
  ...['bool', 'string', 'bytes', 'timestamp', 'duration'].map((type) => [type, type] as const),
  ...['int', 'uint', 'double'].flatMap((left) =>
    ['int', 'uint', 'double'].map((right) => [left, right] as const),
  ),
];

const COMPARISONS: Library = COMPARED.flatMap(([left, right]): Library => {
  const signature = `(${left}, ${right}) bool`;
  return [
    ['_<_', signature, (a, b) => compared(a, b, (order) => order < 0)],
    ['_<=_', signature, (a, b) => compared(a, b, (order) => order <= 0)],
    ['_>_', signature, (a, b) => compared(a, b, (order) => order > 0)],
    ['_>=_', signature, (a, b) => compared(a, b, (order) => order >= 0)],
  ];
});

/** NaN is neither less nor greater than any number, nor equal to one. */
function compared(a: CelValue, b: CelValue, test: (order: number) => boolean): boolean {
  return !Number.isNaN(a) && !Number.isNaN(b) && test(compareItems(a, b));
}

export const OPERATORS: Library = [
  ...ARITHMETIC,
  ...COMPARISONS,
  ['_==_', '(A, A) bool', isEqual],
  ['_!=_', '(A, A) bool', (a, b) => !isEqual(a, b)],
  ['!_', '(bool) bool', (a) => !bool(a)],
  ['@in', '(A, list<A>) bool', (a, b) => items(b).some((item) => isEqual(a, item))],
  ['@in', '(A, map<A, B>) bool', (a, b) => map(b).entries.has(keyOf(a))],
  ['size', '(list<A>) int', (a) => BigInt(items(a).length)],
  ['size', 'list<A>.() int', (a) => BigInt(items(a).length)],
  ['size', '(map<A, B>) int', (a) => BigInt(map(a).entries.size)],
  ['size', 'map<A, B>.() int', (a) => BigInt(map(a).entries.size)],
  ['size', '(string) int', (a) => BigInt(Array.from(text(a)).length)],
  ['size', 'string.() int', (a) => BigInt(Array.from(text(a)).length)],
  ['size', '(bytes) int', (a) => BigInt(bytes(a).length)],
  ['size', 'bytes.() int', (a) => BigInt(bytes(a).length)],
];
