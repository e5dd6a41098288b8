import { parseQuantity } from '@nodeagent/base';

import { CelSpecial, type CelValue, EvaluationError } from '../../../model/cel/value.js';
import { bool, int, mismatch, text } from '../arguments.js';
import type { Library } from '../signature.js';
import { checkedInt } from './operators.js';

const NANO = 1_000_000_000n;

class CelQuantity extends CelSpecial {
  override readonly type = 'kubernetes.Quantity';
  readonly nano: bigint;

  constructor(nano: bigint) {
    super();
    this.nano = nano;
  }

  override get identity(): string {
    return String(this.nano);
  }
}

function toQuantity(value: string): CelQuantity {
  const nano = parseQuantity(value);
  if (nano !== undefined) return new CelQuantity(nano);
  throw new EvaluationError(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

function nano(value: CelValue): bigint {
  if (value instanceof CelQuantity) return value.nano;
  throw mismatch('kubernetes.Quantity', value);
}

function isWhole(value: bigint): boolean {
  return value % NANO === 0n && value / NANO <= 2n ** 63n - 1n && value / NANO >= -(2n ** 63n);
}

function whole(value: bigint): bigint {
  if (!isWhole(value)) throw new EvaluationError('cannot convert value to integer');
  return checkedInt(value / NANO);
}

function order(a: bigint, b: bigint): bigint {
  return a < b ? -1n : a > b ? 1n : 0n;
}

const sum = (a: bigint, b: bigint): CelQuantity => new CelQuantity(a + b);

const QUANTITY: Library = [
  ['quantity', '(string) quantity', (a) => toQuantity(text(a))],
  ['isQuantity', '(string) bool', (a) => parseQuantity(text(a)) !== undefined],
  ['sign', '(quantity) int', (a) => order(nano(a), 0n)],
  ['isGreaterThan', 'quantity.(quantity) bool', (a, b) => nano(a) > nano(b)],
  ['isLessThan', 'quantity.(quantity) bool', (a, b) => nano(a) < nano(b)],
  ['compareTo', 'quantity.(quantity) int', (a, b) => order(nano(a), nano(b))],
  ['asApproximateFloat', 'quantity.() double', (a) => Number(nano(a)) / 1e9],
  ['asInteger', 'quantity.() int', (a) => whole(nano(a))],
  ['isInteger', 'quantity.() bool', (a) => isWhole(nano(a))],
  ['add', 'quantity.(quantity) quantity', (a, b) => sum(nano(a), nano(b))],
  ['add', 'quantity.(int) quantity', (a, b) => sum(nano(a), int(b) * NANO)],
  ['sub', 'quantity.(quantity) quantity', (a, b) => sum(nano(a), -nano(b))],
  ['sub', 'quantity.(int) quantity', (a, b) => sum(nano(a), -int(b) * NANO)],
];

class CelSemver extends CelSpecial {
  override readonly type = 'kubernetes.Semver';
  readonly numbers: readonly bigint[];
  readonly pre: readonly string[];

  constructor(numbers: readonly bigint[], pre: readonly string[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }

  override get identity(): string {
    return `${this.numbers.join('.')}-${this.pre.join('.')}`;
  }

  at(position: number): bigint {
    return this.numbers[position] ?? 0n;
  }
}

const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$/;

function parseSemver(value: string): CelSemver | undefined {
  const found = SEMVER.exec(value);
  if (found === null) return undefined;
  const pre = found[4] === undefined ? [] : found[4].split('.');
  const build = found[5] === undefined ? [] : found[5].split('.');
  if ([...pre, ...build].includes('') || pre.some((part) => /^0\d+$/.test(part))) return undefined;
  return new CelSemver(found.slice(1, 4).map(BigInt), pre);
}

/** `v1`, `1.2` and `01.02.03` are versions too. */
function normalized(value: string): string {
  const [core = '', ...rest] = value.replace(/^v/, '').split(/(?=[-+])/);
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  if (parts.length >= 3) return [parts.join('.'), ...rest].join('');
  return rest.length > 0 ? value : [...parts, '0', '0'].slice(0, 3).join('.');
}

function toSemver(value: string): CelSemver {
  const found = parseSemver(value);
  if (found !== undefined) return found;
  throw new EvaluationError(`invalid semantic version ${JSON.stringify(value)}`);
}

function semver(value: CelValue): CelSemver {
  if (value instanceof CelSemver) return value;
  throw mismatch('kubernetes.Semver', value);
}

/** @see https://semver.org, precedence */
function compareVersions(a: CelSemver, b: CelSemver): bigint {
  for (const at of [0, 1, 2]) {
    const found = order(a.at(at), b.at(at));
    if (found !== 0n) return found;
  }
  if (a.pre.length === 0 || b.pre.length === 0) {
    return order(BigInt(b.pre.length), BigInt(a.pre.length));
  }
  for (const [at, part] of a.pre.entries()) {
    const other = b.pre[at];
    if (other === undefined) return 1n;
    const found = comparePre(part, other);
    if (found !== 0n) return found;
  }
  return order(BigInt(a.pre.length), BigInt(b.pre.length));
}

function comparePre(a: string, b: string): bigint {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return order(BigInt(a), BigInt(b));
  if (left !== right) return left ? -1n : 1n;
  return a < b ? -1n : a > b ? 1n : 0n;
}

const isSemver = (value: string): boolean => parseSemver(value) !== undefined;
const loosely = (value: string, isLoose: boolean): string => (isLoose ? normalized(value) : value);

const SEMVERS: Library = [
  ['semver', '(string) semver', (a) => toSemver(text(a))],
  ['semver', '(string, bool) semver', (a, b) => toSemver(loosely(text(a), bool(b)))],
  ['isSemver', '(string) bool', (a) => isSemver(text(a))],
  ['isSemver', '(string, bool) bool', (a, b) => isSemver(loosely(text(a), bool(b)))],
  ['isGreaterThan', 'semver.(semver) bool', (a, b) => compareVersions(semver(a), semver(b)) > 0n],
  ['isLessThan', 'semver.(semver) bool', (a, b) => compareVersions(semver(a), semver(b)) < 0n],
  ['compareTo', 'semver.(semver) int', (a, b) => compareVersions(semver(a), semver(b))],
  ['major', 'semver.() int', (a) => semver(a).at(0)],
  ['minor', 'semver.() int', (a) => semver(a).at(1)],
  ['patch', 'semver.() int', (a) => semver(a).at(2)],
];

export const QUANTITIES: Library = [...QUANTITY, ...SEMVERS];
