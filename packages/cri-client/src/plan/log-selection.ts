import { Buffer } from 'node:buffer';

import { logTimeMs, padLogTime } from '../codec/log-line.js';
import type { LogEntry, LogOptions, LogRecord, LogStream } from '../model/log.js';

/** Applies stream, since, timestamps and limit to records in their order. */
export class LogSelection {
  readonly #options: LogOptions;
  /** Streams whose last record was partial, so that the next record continues a line. */
  readonly #open = new Set<LogStream>();
  #leftBytes: number;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#leftBytes = options.limitBytes ?? Infinity;
  }

  /** True once the limit is used up: no more records pass. */
  get full(): boolean {
    return this.#leftBytes <= 0;
  }

  /** @returns undefined when the record does not pass */
  take({ time, stream, partial, content }: LogRecord): LogEntry | undefined {
    const { sinceMs, timestamps = false, stream: wanted } = this.#options;
    if (wanted !== undefined && wanted !== stream) return undefined;
    if (sinceMs !== undefined && logTimeMs(time) < sinceMs) return undefined;
    const beginsLine = !this.#open.has(stream);
    if (partial) this.#open.add(stream);
    else this.#open.delete(stream);
    const prefix = timestamps && beginsLine ? `${padLogTime(time)} ` : '';
    const whole = prefix === '' ? content : Buffer.concat([Buffer.from(prefix), content]);
    const data = whole.length <= this.#leftBytes ? whole : whole.subarray(0, this.#leftBytes);
    this.#leftBytes -= data.length;
    return { time, stream, data };
  }
}
