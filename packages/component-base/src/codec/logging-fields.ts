import { parseGoDuration, parseQuantity, quantityToUnits } from '@nodeagent/base';
import * as z from 'zod/mini';

import type { Problem } from '../model/errors.js';
import type { LogSettings } from '../model/log-settings.js';
import { flag, integer, oneOf, orDefault, parsed, Written } from './config-fields.js';
import type { Features } from './parse-features.js';

const INT32_MAX = 2 ** 31 - 1;
const NANOSECONDS_PER_MS = 1_000_000;
/** Kubernetes flushes this often unless it is told otherwise. */
const USUAL_FLUSH = '5s';

/** A Go duration, or a whole number of nanoseconds in older files; 0 means the default. */
const flushFrequency = z.pipe(
  orDefault(z.union([z.number(), z.string()]), USUAL_FLUSH),
  z.transform((given, context): Written<number, number | string> => {
    const ms = typeof given === 'number' ? given / NANOSECONDS_PER_MS : parseGoDuration(given);
    if (ms === 0) return new Written(USUAL_FLUSH, 5000);
    if (ms !== undefined && ms > 0) return new Written(given, ms);
    context.issues.push({
      code: 'custom',
      input: given,
      message: 'must be a duration such as 5s, more than 0s',
    });
    return z.NEVER;
  }),
);

const bufferSize = orDefault(
  parsed(parseBytes, 'a quantity of bytes such as 64Ki, not negative'),
  new Written('0', 0),
);

function parseBytes(given: string): number | undefined {
  const quantity = parseQuantity(given);
  if (quantity === undefined || quantity < 0n) return undefined;
  return quantityToUnits(quantity);
}

const streamSchema = z.strictObject({ splitStream: flag(), infoBufferSize: bufferSize });
const stream = orDefault(streamSchema, z.parse(streamSchema, {}));

const optionsSchema = z.strictObject({ text: stream, json: stream });

const modulePattern = z.strictObject({
  filePattern: z
    .string()
    .check(z.regex(/^[^=,]+$/, { error: 'must be a file name pattern without "=" and ","' })),
  verbosity: integer(0, 0, INT32_MAX),
});

const loggingSchema = z.strictObject({
  format: z.pipe(
    oneOf(['', 'text', 'json'], 'text'),
    z.transform((given) => (given === '' ? 'text' : given)),
  ),
  flushFrequency,
  verbosity: integer(0, 0, INT32_MAX),
  vmodule: orDefault(z.array(modulePattern), []),
  options: orDefault(optionsSchema, z.parse(optionsSchema, {})),
});

/** The section `logging` of a component's configuration file. */
export type LoggingSection = z.output<typeof loggingSchema>;

/**
 * The schema of the section `logging`, the same for every component.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/logs/api/v1/types.go
 */
export const logging = () => orDefault(loggingSchema, z.parse(loggingSchema, {}));

/** The section in the program's terms. */
export function logSettings(section: LoggingSection): LogSettings {
  const { format, verbosity, vmodule, options, flushFrequency: flush } = section;
  const { splitStream, infoBufferSize } = options[format];
  return {
    ...{ format, verbosity, splitStream },
    modules: vmodule,
    infoBufferBytes: splitStream ? infoBufferSize.value : 0,
    flushMs: flush.value,
  };
}

/**
 * Finds settings of the section that do not go together, or that need a feature gate.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/logs/api/v1/options.go, Validate
 */
export function loggingProblems(
  { format, vmodule, options }: LoggingSection,
  features: Features,
): readonly Problem[] {
  const found: Problem[] = [];
  if (format === 'json' && !features.LoggingBetaOptions) {
    found.push({
      field: 'logging.format',
      message: 'json needs the feature gate LoggingBetaOptions',
    });
  }
  if (format !== 'text' && vmodule.length > 0) {
    found.push({ field: 'logging.vmodule', message: 'has an effect only with the format text' });
  }
  if (features.LoggingAlphaOptions) return found;
  const message = 'needs the feature gate LoggingAlphaOptions';
  for (const name of ['text', 'json'] as const) {
    const { splitStream, infoBufferSize } = options[name];
    const field = `logging.options.${name}`;
    if (splitStream) found.push({ field: `${field}.splitStream`, message });
    if (infoBufferSize.value > 0) found.push({ field: `${field}.infoBufferSize`, message });
  }
  return found;
}
