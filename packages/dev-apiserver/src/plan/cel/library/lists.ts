import {
  CelDuration,
  CelList,
  CelMap,
  CelOptional,
  CelTimestamp,
  type CelValue,
  EvaluationError,
  isEqual,
  NONE,
} from '../../../model/cel/value.js';
import { count, duration, int, items, number, optional } from '../arguments.js';
import { compareItems } from '../order.js';
import type { Library } from '../signature.js';
import { checkedInt, checkedUint } from './operators.js';
import { FIRST_NS } from './times.js';

const ORDERED = ['int', 'uint', 'double', 'bool', 'string', 'bytes', 'timestamp', 'duration'];

function isSorted(values: readonly CelValue[]): boolean {
  return values.every((value, at) => at === 0 || compareItems(values[at - 1] ?? null, value) <= 0);
}

function extreme(name: string, values: readonly CelValue[], sign: number): CelValue {
  const [first, ...rest] = values;
  if (first === undefined) throw new EvaluationError(`${name} called on empty list`);
  return rest.reduce((best, one) => (compareItems(one, best) * sign > 0 ? one : best), first);
}

const SUMS: Library = [
  [
    'sum',
    'list<int>.() int',
    (a) =>
      checkedInt(
        items(a)
          .map(int)
          .reduce((sum, one) => sum + one, 0n),
      ),
  ],
  [
    'sum',
    'list<uint>.() uint',
    (a) => checkedUint(items(a).reduce<bigint>((sum, one) => sum + BigInt(number(one)), 0n)),
  ],
  [
    'sum',
    'list<double>.() double',
    (a) => items(a).reduce<number>((sum, one) => sum + Number(number(one)), 0),
  ],
  [
    'sum',
    'list<duration>.() duration',
    (a) => new CelDuration(items(a).reduce<bigint>((sum, one) => sum + duration(one).ns, 0n)),
  ],
];

function slice(values: readonly CelValue[], from: number, to: number): CelList {
  const call = `cannot slice(${from}, ${to})`;
  if (from < 0 || to < 0) throw new EvaluationError(`${call}, negative indexes not supported`);
  if (from > to) {
    throw new EvaluationError(`${call}, start index must be less than or equal to end index`);
  }
  if (to > values.length) throw new EvaluationError(`${call}, list is length ${values.length}`);
  return new CelList(values.slice(from, to));
}

function flatten(values: readonly CelValue[], depth: number): readonly CelValue[] {
  if (depth < 0) throw new EvaluationError('level must be non-negative');
  return values.flatMap((value) =>
    value instanceof CelList && depth > 0 ? flatten(value.items, depth - 1) : [value],
  );
}

function distinct(values: readonly CelValue[]): CelList {
  const found: CelValue[] = [];
  for (const value of values) if (!found.some((one) => isEqual(one, value))) found.push(value);
  return new CelList(found);
}

/** More positions than a list could have in a request. */
const LONGEST_RANGE = 1_000_000;

function range(length: number): CelList {
  if (length > LONGEST_RANGE) throw new EvaluationError(`lists.range(${length}) is too long`);
  return new CelList(Array.from({ length: Math.max(0, length) }, (_, at) => BigInt(at)));
}

function isIn(value: CelValue, values: readonly CelValue[]): boolean {
  return values.some((one) => isEqual(one, value));
}

function containsAll(values: readonly CelValue[], wanted: readonly CelValue[]): boolean {
  return wanted.every((one) => isIn(one, values));
}

const SETS: Library = [
  ['sets.contains', '(list<A>, list<A>) bool', (a, b) => containsAll(items(a), items(b))],
  [
    'sets.equivalent',
    '(list<A>, list<A>) bool',
    (a, b) => containsAll(items(a), items(b)) && containsAll(items(b), items(a)),
  ],
  [
    'sets.intersects',
    '(list<A>, list<A>) bool',
    (a, b) => items(a).some((one) => isIn(one, items(b))),
  ],
];

/** True for zero, an empty text, list or map, and null. */
function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === '') return true;
  if (value instanceof CelList) return value.items.length === 0;
  if (value instanceof CelMap) return value.entries.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof CelTimestamp) return value.ns === FIRST_NS;
  return isEqual(value, 0n) || (value instanceof CelDuration && value.ns === 0n);
}

function absent(): never {
  throw new EvaluationError('optional.none() dereference');
}

const OPTIONALS: Library = [
  ['optional.of', '(A) optional<A>', (a) => new CelOptional(a)],
  ['optional.none', '() optional<A>', () => NONE],
  ['optional.ofNonZeroValue', '(A) optional<A>', (a) => (isZero(a) ? NONE : new CelOptional(a))],
  ['hasValue', 'optional<A>.() bool', (a) => optional(a).value !== undefined],
  ['value', 'optional<A>.() A', (a) => optional(a).value ?? absent()],
  [
    'or',
    'optional<A>.(optional<A>) optional<A>',
    (a, b) => (optional(a).value === undefined ? b : a),
  ],
  ['orValue', 'optional<A>.(A) A', (a, b) => optional(a).value ?? b],
];

export const LISTS: Library = [
  ...ORDERED.flatMap((type): Library => [
    ['isSorted', `list<${type}>.() bool`, (a) => isSorted(items(a))],
    ['min', `list<${type}>.() ${type}`, (a) => extreme('min', items(a), -1)],
    ['max', `list<${type}>.() ${type}`, (a) => extreme('max', items(a), 1)],
    [
      'sort',
      `list<${type}>.() list<${type}>`,
      (a) => new CelList([...items(a)].sort(compareItems)),
    ],
  ]),
  ...SUMS,
  ...SETS,
  ...OPTIONALS,
  ['indexOf', 'list<A>.(A) int', (a, b) => BigInt(items(a).findIndex((one) => isEqual(one, b)))],
  [
    'lastIndexOf',
    'list<A>.(A) int',
    (a, b) => BigInt(items(a).findLastIndex((one) => isEqual(one, b))),
  ],
  ['lists.range', '(int) list<int>', (a) => range(count(a))],
  ['reverse', 'list<A>.() list<A>', (a) => new CelList([...items(a)].reverse())],
  ['slice', 'list<A>.(int, int) list<A>', (a, b, c) => slice(items(a), count(b), count(c))],
  ['flatten', 'list<list<A>>.() list<A>', (a) => new CelList(flatten(items(a), 1))],
  ['flatten', 'list<dyn>.(int) list<dyn>', (a, b) => new CelList(flatten(items(a), count(b)))],
  ['distinct', 'list<A>.() list<A>', (a) => distinct(items(a))],
  ['first', 'list<A>.() optional<A>', (a) => endOf(items(a)[0])],
  ['last', 'list<A>.() optional<A>', (a) => endOf(items(a).at(-1))],
];

function endOf(value: CelValue | undefined): CelOptional {
  return value === undefined ? NONE : new CelOptional(value);
}
