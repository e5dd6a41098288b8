import { field, type FieldError } from '../../model/field-error.js';

export type Errors = readonly FieldError[];

/** Checks each item, with its path in the list. */
export function each<T>(
  items: readonly T[] | undefined,
  path: string,
  check: (item: T, path: string) => Errors,
): Errors {
  return (items ?? []).flatMap((item, i) => check(item, `${path}[${i}]`));
}

export function needed(path: string, value: unknown, detail = ''): Errors {
  return isEmpty(value) ? [field.required(path, detail)] : [];
}

/** The value may be absent; otherwise it must be supported. */
export function oneOf(
  path: string,
  value: string | undefined,
  supported: readonly string[],
): Errors {
  if (isEmpty(value) && !supported.includes('')) return [];
  const text = value ?? '';
  return supported.includes(text) ? [] : [field.notSupported(path, text, supported)];
}

export function neededOneOf(
  path: string,
  value: string | undefined,
  supported: readonly string[],
): Errors {
  return isEmpty(value) ? [field.required(path)] : oneOf(path, value, supported);
}

/** Both bounds are inclusive. */
export function inRange(
  path: string,
  value: number | undefined,
  [low, high]: readonly [low: number, high: number],
): Errors {
  if (value === undefined || (value >= low && value <= high)) return [];
  return [field.invalid(path, value, `must be between ${low} and ${high}, inclusive`)];
}

export function notNegative(path: string, value: number | undefined): Errors {
  if ((value ?? 0) >= 0) return [];
  return [field.invalid(path, value, 'must be greater than or equal to 0')];
}

/** The names of the members that are present, in the order of the API. */
export function present<T extends object>(
  owner: T,
  names: readonly (keyof T & string)[],
): string[] {
  return names.filter((name) => owner[name] !== undefined);
}

/** @param problems descriptions of problems with the value */
export function invalidFor(path: string, value: unknown, problems: readonly string[]): Errors {
  return problems.map((problem) => field.invalid(path, value, problem));
}

export function isEmpty(value: unknown): boolean {
  return (value ?? '') === '';
}
