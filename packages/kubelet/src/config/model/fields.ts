import { formatGoDuration, parseGoDuration, parseQuantity } from '@nodeagent/base';
import { orDefault, parsed, parsedIfAny, Written } from '@nodeagent/component-base/config-fields';
import * as z from 'zod/mini';

import { bytesOf, parseThreshold } from './threshold.js';

export const list = () => orDefault(z.array(z.string()), []);
export const texts = () => orDefault(z.record(z.string(), z.string()), {});

/** For fields that are kept as they are: they do nothing yet. */
export const kept = () => z.optional(z.nullable(z.unknown()));

/**
 * Milliseconds, which the file has as Go's text. The empty text is the default; zero is, too, where
 * the Go types have it so.
 */
export function duration(defaultMs: number, zeroIsDefault = true) {
  return z.pipe(
    parsedIfAny(parseGoDuration, 'a duration such as 1m30s'),
    z.transform(({ value }) => {
      const isDefault = value === undefined || (value === 0 && zeroIsDefault);
      return written(isDefault ? defaultMs : value);
    }),
  );
}

/** As {@link duration} gives it. */
export const written = (ms: number): Written<number> => new Written(formatGoDuration(ms), ms);

/** Whole bytes, which the file has as a quantity. */
export function bytes(defaultText: string, defaultBytes: number) {
  return orDefault(
    parsed(parseBytes, 'a quantity of bytes such as 10Mi'),
    new Written(defaultText, defaultBytes),
  );
}

function parseBytes(given: string): number | undefined {
  const quantity = parseQuantity(given);
  return quantity === undefined ? undefined : bytesOf(quantity);
}

/** What is reserved, by resource: `{cpu: 500m, memory: 1Gi}`. */
export const reserved = () =>
  orDefault(
    z.record(
      z.string(),
      z.pipe(
        z.pipe(
          z.union([z.string(), z.number()]),
          z.transform((given) => String(given)),
        ),
        parsed((given) => {
          const quantity = parseQuantity(given);
          return quantity !== undefined && quantity >= 0n ? quantity : undefined;
        }, 'a quantity such as 500m or 1Gi, not negative'),
      ),
    ),
    {},
  );

/** Eviction thresholds by signal. */
export const thresholds = () =>
  orDefault(
    z.record(
      z.string(),
      parsed(parseThreshold, 'a quantity such as 100Mi or a share such as 10%, not negative'),
    ),
    {},
  );
