import { formatGoDuration, parseGoDuration, parseQuantity } from '@nodeagent/base';
import { orDefault, parsed, parsedIfAny, Written } from '@nodeagent/component-base/config-fields';
import * as z from 'zod/mini';

import { parseCpuSet } from './cpu-set.js';
import { bytesOf, parseThreshold } from './threshold.js';

export const list = () => orDefault(z.array(z.string()), []);
export const texts = () => orDefault(z.record(z.string(), z.string()), {});

/**
 * Milliseconds, written in the file as Go duration text. The empty text means the default; so does
 * zero where the Go types say so.
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

/** CPU numbers, written in the file as a list such as `0-3,8`. */
export const cpus = () =>
  orDefault(
    parsed(parseCpuSet, 'a list of CPUs such as 0-3,8'),
    new Written<ReadonlySet<number>>('', new Set()),
  );

/** The form that {@link duration} parses to. */
export const written = (ms: number): Written<number> => new Written(formatGoDuration(ms), ms);

/** Whole bytes, written in the file as a quantity. */
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

/** Reserved amounts by resource: `{cpu: 500m, memory: 1Gi}`. */
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
      parsed(parseThreshold, 'a positive quantity such as 100Mi or a share such as 10%'),
    ),
    {},
  );
