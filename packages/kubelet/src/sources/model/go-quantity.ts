import { trimStartOf } from '@nodeagent/base';

/**
 * A quantity as Go stores it, which depends on its notation: `1000m` and `1` are equal but not
 * identical. Small ones are `units × 10^scale`; others, and those with a binary fraction, are
 * decimals of any size.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go
 */
export interface GoQuantity {
  readonly units: bigint;
  readonly scale: number;
  /** If present, replaces the two members above. */
  readonly decimal: Decimal | undefined;
  /** The original text, which Go keeps if it is canonical. */
  readonly text: string;
  readonly format: 'DecimalSI' | 'BinarySI' | 'DecimalExponent';
}

/** `digits × 10^-places` */
export interface Decimal {
  readonly digits: bigint;
  readonly places: number;
}

type Format = GoQuantity['format'];

const SUFFIXES: Readonly<Record<string, readonly [base: 2 | 10, exponent: number]>> = {
  n: [10, -9],
  u: [10, -6],
  m: [10, -3],
  '': [10, 0],
  k: [10, 3],
  M: [10, 6],
  G: [10, 9],
  T: [10, 12],
  P: [10, 15],
  E: [10, 18],
  Ki: [2, 10],
  Mi: [2, 20],
  Gi: [2, 30],
  Ti: [2, 40],
  Pi: [2, 50],
  Ei: [2, 60],
};
const SYNTAX = /^([+-]?)(\d*)(?:\.(\d*))?(?:([A-Za-z]+)([+-]?\d*))?$/;

/** This many decimal digits always fit into 64 bits. */
const SAFE_DIGITS = 18;
/** The same for a binary number; ten bits are about three digits. */
const SAFE_BINARY_DIGITS = 14;
const INT64_MAX = (1n << 63n) - 1n;
const NANO_PLACES = 9;

/** @param text accepted by `parseQuantity` of the base library */
export function parseGoQuantity(text: string): GoQuantity {
  if (text === '0') return { ...exact(0n, 0), text, format: 'DecimalSI' };
  const [, sign = '', integer = '', fraction = '', letters = '', power = ''] =
    SYNTAX.exec(text) ?? [];
  const whole = trimStartOf(integer, '0') || '0';
  const [base, exponent, format] = suffixOf(letters, power);
  const isNegative = sign === '-';
  const small = smallOf(whole, fraction, base, exponent);
  if (small !== undefined) {
    const { units, scale, written } = small;
    const isCanonical =
      base === 2
        ? (written & 7n) !== 0n
        : scale % 3 === 0 && !/000$|^0/.test(`${whole}${fraction}`);
    const value = exact(isNegative ? -units : units, scale);
    return { ...value, text: isCanonical ? text : '', format };
  }
  const factor = base === 2 ? 1n << BigInt(exponent) : 1n;
  const digits = BigInt(`${whole}${fraction}`) * factor;
  const places = fraction.length - (base === 10 ? exponent : 0);
  return bounded({ digits, places }, isNegative, format);
}

function suffixOf(letters: string, power: string): readonly [2 | 10, number, Format] {
  const known = power === '' ? SUFFIXES[letters] : undefined;
  if (known === undefined) return [10, Number(power), 'DecimalExponent'];
  const [base, exponent] = known;
  return [base, exponent, base === 2 ? 'BinarySI' : 'DecimalSI'];
}

function exact(units: bigint, scale: number): Pick<GoQuantity, 'units' | 'scale' | 'decimal'> {
  return { units, scale, decimal: undefined };
}

interface Small {
  readonly units: bigint;
  readonly scale: number;
  /** Without the binary factor. */
  readonly written: bigint;
}

function smallOf(
  whole: string,
  fraction: string,
  base: 2 | 10,
  exponent: number,
): Small | undefined {
  if (base === 2) {
    // Go uses single precision here, which makes no difference for these six exponents.
    const digitsLeft = SAFE_BINARY_DIGITS - whole.length - Math.trunc((exponent * 3) / 10);
    if (fraction !== '' || digitsLeft < 0) return undefined;
    const written = BigInt(whole);
    const units = written << BigInt(exponent);
    return units > INT64_MAX ? undefined : { units, scale: 0, written };
  }
  const scale = exponent - fraction.length;
  if (whole.length + fraction.length > SAFE_DIGITS || scale < -NANO_PLACES) return undefined;
  const written = BigInt(`${whole}${fraction}`);
  return { units: written, scale, written };
}

/** At least one nano-unit, unless zero; a binary quantity is limited to 64 bits. */
function bounded(amount: Decimal, isNegative: boolean, format: Format): GoQuantity {
  let decimal = amount.digits === 0n ? amount : rounded(amount, NANO_PLACES);
  const one = 10n ** BigInt(Math.max(0, decimal.places));
  if (format === 'BinarySI' && decimal.digits > INT64_MAX * one) {
    decimal = { digits: INT64_MAX, places: 0 };
  }
  const isFraction = decimal.digits > 0n && decimal.digits < one;
  const signed = { ...decimal, digits: isNegative ? -decimal.digits : decimal.digits };
  return ofDecimal(signed, format === 'BinarySI' && isFraction ? 'DecimalSI' : format, '');
}

function ofDecimal(decimal: Decimal, format: Format, text: string): GoQuantity {
  return { units: 0n, scale: 0, decimal, text, format };
}

/** Rounds to `to` decimal places, away from zero. */
function rounded({ digits, places }: Decimal, to: number): Decimal {
  if (places <= to) return { digits: digits * 10n ** BigInt(to - places), places: to };
  return { digits: divideAway(digits, 10n ** BigInt(places - to)), places: to };
}

function divideAway(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  if (value % by === 0n) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}

const MILLI_PLACES = 3;

/** The quantity as an entry of a resource list, rounded to thousandths. */
export function roundedToMilli(quantity: GoQuantity): GoQuantity {
  const { units, scale, decimal, format } = quantity;
  if (decimal !== undefined) return ofDecimal(rounded(decimal, MILLI_PLACES), format, '');
  if (scale >= -MILLI_PLACES) return quantity;
  const whole = divideAway(units, 10n ** BigInt(-MILLI_PLACES - scale));
  // Go stops dividing at zero, and leaves the requested scale.
  return { ...exact(whole, -MILLI_PLACES), text: '', format };
}

export function addGoQuantity(to: GoQuantity, amount: GoQuantity): GoQuantity {
  const format = isZero(to) ? amount.format : to.format;
  if (to.decimal === undefined && amount.decimal === undefined) {
    const sum = smallSum(to, amount);
    if (sum !== undefined) return { ...sum, text: '', format };
  }
  const [a, b] = [decimalOf(to), decimalOf(amount)];
  const places = Math.max(a.places, b.places);
  const digits = atPlaces(a, places) + atPlaces(b, places);
  return ofDecimal({ digits, places }, format, '');
}

function smallSum(
  a: GoQuantity,
  b: GoQuantity,
): Pick<GoQuantity, 'units' | 'scale' | 'decimal'> | undefined {
  if (b.units === 0n) return exact(a.units, a.scale);
  if (a.units === 0n) return exact(b.units, b.scale);
  const scale = Math.min(a.scale, b.scale);
  const units = unitsAt(a, scale) + unitsAt(b, scale);
  return units > INT64_MAX || units < -INT64_MAX ? undefined : exact(units, scale);
}

function unitsAt({ units, scale }: GoQuantity, at: number): bigint {
  return units * 10n ** BigInt(scale - at);
}

function isZero({ units, decimal }: GoQuantity): boolean {
  return decimal === undefined ? units === 0n : decimal.digits === 0n;
}

function decimalOf({ units, scale, decimal }: GoQuantity): Decimal {
  return decimal ?? { digits: units, places: -scale };
}

function atPlaces({ digits, places }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(to - places);
}

/**
 * Returns the challenger if it is larger. Go converts the challenger to a decimal if it compares it
 * with one.
 */
export function largerGoQuantity(challenger: GoQuantity, holder: GoQuantity): GoQuantity {
  const [a, b] = [decimalOf(challenger), decimalOf(holder)];
  const places = Math.max(a.places, b.places);
  if (atPlaces(a, places) <= atPlaces(b, places)) return holder;
  if (holder.decimal === undefined) return challenger;
  return ofDecimal(a, challenger.format, challenger.text);
}
