/**
 * A resource quantity in nano-units: the finest that Kubernetes keeps, so `1n` is `1n` and one CPU
 * is `1_000_000_000n`.
 */
export type Quantity = bigint;

const NANO_PER_UNIT = 1_000_000_000n;

const BINARY: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
/** Decimal suffixes as powers of ten of a nano-unit. */
const DECIMAL: Readonly<Record<string, number>> = {
  n: 0,
  u: 3,
  m: 6,
  '': 9,
  k: 12,
  M: 15,
  G: 18,
  T: 21,
  P: 24,
  E: 27,
};
const SYNTAX =
  /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;

/**
 * Parses `100m`, `1.5Gi`, `2`, `12e6` … Digits below a nano-unit are rounded away from zero, as
 * Kubernetes does.
 *
 * @returns undefined for text that Kubernetes refuses
 * @see Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go
 * @example
 * ```ts
 * import { parseQuantity, quantityToMilli } from '@nodeagent/base';
 *
 * const cpu = parseQuantity('1.5');
 * console.log(cpu === undefined ? 'no quantity' : quantityToMilli(cpu)); // 1500
 * console.log(parseQuantity('1.5 CPUs')); // undefined
 * ```
 */
export function parseQuantity(text: string): Quantity | undefined {
  if (text === '0') return 0n; // the value of most unset fields
  const found = SYNTAX.exec(text);
  if (found === null) return undefined;
  const [, sign, number = '', suffix = '', exponent] = found;
  const [whole = '', fraction = ''] = number.split('.');
  const digits = BigInt(`${whole}${fraction}` || '0');
  const binary = BINARY[suffix];
  const nano =
    binary === undefined
      ? scaled(digits, exponentOf(suffix, exponent) - fraction.length)
      : ceilDiv(digits * binary * NANO_PER_UNIT, 10n ** BigInt(fraction.length));
  return sign === '-' ? -nano : nano;
}

function exponentOf(suffix: string, exponent: string | undefined): number {
  return exponent === undefined ? (DECIMAL[suffix] ?? 9) : Number(exponent) + 9;
}

function scaled(digits: bigint, powerOfTen: number): bigint {
  if (powerOfTen >= 0) return digits * 10n ** BigInt(powerOfTen);
  return ceilDiv(digits, 10n ** BigInt(-powerOfTen));
}

function ceilDiv(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

/** Thousandths of a unit, rounded up: the unit of CPU requests. */
export function quantityToMilli(quantity: Quantity): number {
  return Number(roundedUp(quantity, 1_000_000n));
}

/** Whole units, rounded up: bytes, pods, devices. */
export function quantityToUnits(quantity: Quantity): number {
  return Number(roundedUp(quantity, NANO_PER_UNIT));
}

/** The quantity of a whole number of units: CPUs, bytes, pods. */
export function unitsToQuantity(units: number): Quantity {
  return BigInt(units) * NANO_PER_UNIT;
}

function roundedUp(value: bigint, step: bigint): bigint {
  return value >= 0n ? ceilDiv(value, step) : value / step;
}

/**
 * Suffixes of a quantity: `decimal` has k, M, G (powers of 1000), `binary` Ki, Mi, Gi (powers of
 * 1024).
 */
export type QuantityFormat = 'decimal' | 'binary';

/**
 * The canonical text: no fraction, the largest suffix that loses nothing; `binary` uses Ki, Mi …
 * and falls back to decimal below a whole unit.
 */
export function formatQuantity(quantity: Quantity, format: QuantityFormat = 'decimal'): string {
  if (quantity === 0n) return '0';
  if (format === 'binary' && quantity % NANO_PER_UNIT === 0n) {
    const units = quantity / NANO_PER_UNIT;
    const best = Object.entries(BINARY).findLast(([, size]) => units % size === 0n);
    return best === undefined ? String(units) : `${units / best[1]}${best[0]}`;
  }
  const entries = Object.entries(DECIMAL);
  const [suffix, power] = entries.findLast(([, p]) => quantity % 10n ** BigInt(p) === 0n) ?? [
    'n',
    0,
  ];
  return `${quantity / 10n ** BigInt(power)}${suffix}`;
}
