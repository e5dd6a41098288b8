import * as z from 'zod/mini';

import { isPlainObject } from './flags-to-config.js';
import { type Features, parseFeatures } from './parse-features.js';

/**
 * A value that a configuration file has in another form: parsed once, and kept as it is written.
 * {@link documentOf} gives the file's form of a whole configuration back.
 */
export class Written<T, Text = string> {
  /** In the file's terms. */
  readonly text: Text;
  /** In the program's terms. */
  readonly value: T;

  constructor(text: Text, value: T) {
    this.text = text;
    this.value = value;
  }
}

/** A configuration whose values are in the file's terms. */
export type DocumentOf<T> =
  T extends Written<unknown, infer Text>
    ? Text
    : T extends readonly (infer Item)[]
      ? readonly DocumentOf<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: DocumentOf<T[Key]> }
        : T;

/** Gives the file's form: each {@link Written} value as its text, without undefined values. */
export function documentOf<T>(value: T): DocumentOf<T> {
  return plain(value) as DocumentOf<T>;
}

function plain(value: unknown): unknown {
  if (value instanceof Written) return value.text;
  if (Array.isArray(value)) return value.map(plain);
  if (!isPlainObject(value)) return value;
  const given = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(given.map(([name, one]) => [name, plain(one)]));
}

/** null and absence become the default, as the Go types have it. */
export function orDefault<T extends z.core.SomeType>(schema: T, value: z.output<T>) {
  return z.pipe(
    z.optional(z.nullable(schema)),
    z.transform((given): z.output<T> => given ?? value),
  );
}

/** The empty text means the default too, as Kubernetes' tools write a field without a value. */
export const text = (value = '') =>
  z.pipe(
    z.optional(z.nullable(z.string())),
    z.transform((given): string =>
      given === undefined || given === null || given === '' ? value : given,
    ),
  );
/** A boolean field with a default; `null` becomes the default, as in Go. */
export const flag = (value = false) => orDefault(z.boolean(), value);

const INT32_MAX = 2 ** 31 - 1;

/** Fields of Go's `int32` have no other upper limit than that type's. */
export function integer(value: number, least = -Infinity, most = Infinity) {
  const wanted =
    most < INT32_MAX ? `, ${least} to ${most}` : least === -Infinity ? '' : `, ${least} or more`;
  const error = `must be a whole number${wanted}`;
  return orDefault(
    z.int({ error }).check(z.minimum(least, { error }), z.maximum(most, { error })),
    value,
  );
}

/**
 * One of several words. The empty one means the default, and is not offered in messages; where it is
 * among the words, it stays.
 */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T, value: T[number]) {
  const error = `must be one of ${words.filter((word) => word !== '').join(', ')}`;
  const isWord = (given: string): given is T[number] => words.includes(given);
  return z.pipe(
    z.optional(z.nullable(z.literal([...words, ''], { error }))),
    z.transform((given): T[number] => (typeof given === 'string' && isWord(given) ? given : value)),
  );
}

/**
 * A text that is parsed.
 *
 * @param parse returns undefined for a text that cannot be used
 * @param wanted follows "must be" in the message then
 */
export function parsed<T>(parse: (given: string) => T | undefined, wanted: string) {
  const message = `must be ${wanted}`;
  return z.pipe(
    z.string({ error: message }),
    z.transform((given, context): Written<T> => {
      const value = parse(given);
      if (value !== undefined) return new Written(given, value);
      context.issues.push({ code: 'custom', input: given, message });
      return z.NEVER;
    }),
  );
}

/** A text that is parsed unless it is empty, which is as if it was not given: undefined. */
export function parsedIfAny<T>(parse: (given: string) => T | undefined, wanted: string) {
  const maybe = (given: string): Readonly<{ value: T | undefined }> | undefined => {
    if (given === '') return NOTHING;
    const value = parse(given);
    return value === undefined ? undefined : { value };
  };
  return z.pipe(
    orDefault(parsed(maybe, wanted), new Written('', NOTHING)),
    z.transform(({ text: given, value }) => new Written(given, value.value)),
  );
}

/** Feature gates by name; the values that are not set are Kubernetes' defaults. */
export function featureGates() {
  return z.pipe(
    orDefault(z.record(z.string(), z.boolean()), {}),
    z.transform((given, context): Written<Features, Readonly<Record<string, boolean>>> => {
      const { features, problems } = parseFeatures(given);
      context.issues.push(
        ...problems.map((message) => ({ code: 'custom' as const, input: given, message })),
      );
      return new Written(given, features);
    }),
  );
}

const NOTHING = { value: undefined };
