import type { Clock, Logger, Tracer } from '@nodeagent/base';

/** Writes each span into the log when it ends, with its duration and its failure. */
export function logSpans(log: Logger, clock: Clock): Tracer {
  return {
    span: async ({ name, attributes }, work) => {
      const startedMs = clock.monotonicMs();
      const fields = (): Readonly<Record<string, unknown>> => ({
        ...{ name, durationMs: Math.round(clock.monotonicMs() - startedMs) },
        ...attributes,
      });
      try {
        const result = await work();
        log.debug(fields(), 'span ended');
        return result;
      } catch (err) {
        log.debug({ ...fields(), err }, 'span failed');
        throw err;
      }
    },
  };
}
