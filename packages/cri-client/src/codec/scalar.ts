import type { Labels } from '../model/linux.js';

/**
 * The forms in which the protobuf library returns 64-bit integers: an exact object, or a number.
 */
type Int64 = number | { toNumber(): number };

/** The largest number that still fits a signed 64-bit integer. */
const MAX_INT64 = 2 ** 63 - 1024;

const NS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1000;

/** Exact up to 2^53, then rounded to the nearest number. */
export function toNumber(value: Int64 | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === 'number' ? value : value.toNumber();
}

/**
 * Converts nanoseconds to milliseconds with fractions. Current times are exact to 0.25 µs; rounding
 * cannot change the order of two times that are further apart than that.
 */
export function toMs(value: Int64 | null | undefined): number {
  return toNumber(value) / NS_PER_MS;
}

/** Converts a time; 0 on the wire means "has not happened". */
export function toMsOrUndefined(value: Int64 | null | undefined): number | undefined {
  const ns = toNumber(value);
  return ns === 0 ? undefined : ns / NS_PER_MS;
}

/** Truncates to a whole number and clamps to 64 bits. */
export function int64(value: number | undefined): number | null {
  if (value === undefined) return null;
  return Math.max(-MAX_INT64, Math.min(MAX_INT64, Math.trunc(value)));
}

/** Rounds up to whole seconds: a shorter wait than requested would break a promise. */
export function secondsUp(ms: number): number {
  return Math.ceil(Math.max(0, ms) / MS_PER_SECOND);
}

/** CRI's wrapper messages, which distinguish 0 from absent. */
export function wrapped(value: number | undefined): { value: number } | null {
  return value === undefined ? null : { value: int64(value) ?? 0 };
}

export function unwrapped(
  wrapper: { value?: Int64 | null } | null | undefined,
): number | undefined {
  return wrapper === null || wrapper === undefined ? undefined : toNumber(wrapper.value);
}

/** The encoder only reads what it gets, so no copy is made. */
export function list<T>(items: readonly T[] | undefined): T[] | null {
  return (items as T[] | undefined) ?? null;
}

export function map(labels: Labels | undefined): Record<string, string> | null {
  return labels ?? null;
}

/** Converts present messages; absent messages stay absent. */
export function optional<T, R>(value: T | null | undefined, convert: (value: T) => R) {
  return value === null || value === undefined ? undefined : convert(value);
}

/** Does the same for outgoing messages. */
export function orNull<T, R>(value: T | undefined, convert: (value: T) => R): R | null {
  return value === undefined ? null : convert(value);
}

/** A closed enum; a word's wire number is its position in the list. */
export function enumCodec<T extends string>(names: readonly T[]) {
  return {
    encode: (name: T): number => names.indexOf(name),
    decode: (wire: number | null | undefined): T | 'unknown' => names[wire ?? 0] ?? 'unknown',
  };
}
