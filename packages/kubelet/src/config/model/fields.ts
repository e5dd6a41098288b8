import { parseGoDuration, parseQuantity } from '@nodeagent/base';
import * as z from 'zod/mini';

/** null and absence become the default, as the Go types have it. */
export function orDefault<T extends z.core.SomeType>(schema: T, value: z.output<T>) {
  return z.pipe(
    z.optional(z.nullable(schema)),
    z.transform((given): z.output<T> => given ?? value),
  );
}

export const text = (value = '') => orDefault(z.string(), value);
export const flag = (value = false) => orDefault(z.boolean(), value);
export const list = () => orDefault(z.array(z.string()), []);

export function integer(value: number, least = -Infinity, most = Infinity) {
  const wanted =
    most !== Infinity ? `, ${least} to ${most}` : least !== -Infinity ? `, ${least} or more` : '';
  const error = `must be a whole number${wanted}`;
  return orDefault(
    z.int({ error }).check(z.minimum(least, { error }), z.maximum(most, { error })),
    value,
  );
}

export function oneOf<const T extends readonly [string, ...string[]]>(words: T, value: T[number]) {
  const error = `must be one of ${words.filter((word) => word !== '').join(', ')}`;
  return orDefault(z.enum(words, { error }), value);
}

/** Go's text in the file, milliseconds for us; zero means unset, where the Go types have it so. */
export function duration(defaultMs: number, zeroIsDefault = true) {
  return z.pipe(
    orDefault(goDuration, ''),
    z.transform((given) => {
      const ms = parseGoDuration(given);
      return ms === undefined || (ms === 0 && zeroIsDefault) ? defaultMs : ms;
    }),
  );
}

const goDuration = z.string().check(
  z.refine((given) => given === '' || parseGoDuration(given) !== undefined, {
    error: 'must be a duration such as 1m30s',
  }),
);

const quantityText = z.pipe(
  z.union([z.string(), z.number()]),
  z.transform((given) => String(given)),
);

/** `{cpu: 500m, memory: 1Gi}`; only these names may be reserved. */
export const reserved = orDefault(
  z.record(
    z.string(),
    quantityText.check(
      z.refine((given) => (parseQuantity(given) ?? -1n) >= 0n, {
        error: 'must be a quantity such as 500m or 1Gi, not negative',
      }),
    ),
  ),
  {},
);

export const texts = () => orDefault(z.record(z.string(), z.string()), {});

/** For fields that are kept as they are: they do nothing yet. */
export const kept = () => z.optional(z.nullable(z.unknown()));
