import type { LogFields, Logger } from '@nodeagent/base';

/** The lowest level that is written. */
export type Verbosity = 'info' | 'warn';

/** Writes one JSON object per line to standard error. */
export function stderrLogger(least: Verbosity, bound: LogFields = {}): Logger {
  const line = (level: string) => (fields: LogFields, message: string) => {
    const { err, ...rest } = { ...bound, ...fields };
    const why = err === undefined ? {} : { err: err instanceof Error ? err.message : err };
    process.stderr.write(`${JSON.stringify({ level, ...rest, ...why, msg: message })}\n`);
  };
  return {
    debug: () => undefined,
    info: least === 'info' ? line('info') : () => undefined,
    warn: line('warn'),
    error: line('error'),
    child: (fields) => stderrLogger(least, { ...bound, ...fields }),
  };
}
