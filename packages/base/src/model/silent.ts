import type { Logger, Metrics } from '../ports.js';

/** A log that nobody reads. */
export const SILENT_LOGGER: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT_LOGGER,
};

/** Metrics that nobody asks for. */
export const NO_METRICS: Metrics = {
  counter: () => ({ increment: () => undefined, remove: () => undefined }),
  gauge: () => ({ set: () => undefined, remove: () => undefined }),
  histogram: () => ({ observe: () => undefined, remove: () => undefined }),
};
