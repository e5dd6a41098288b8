import { createLogFiles } from './adapters/log-files.js';
import type { LogBytesOptions, LogEntry, LogOptions } from './model/log.js';
import { readLogBytesFrom, readLogFrom } from './run/read-log.js';

/** Reads a log of this machine. @see readLogFrom for what it does and throws */
export function readLog(
  path: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  return readLogFrom(createLogFiles(), { path, options }, signal);
}

/** The same as bytes, many lines at a time, each piece as soon as it is there. */
export function readLogBytes(
  path: string,
  options: LogBytesOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return readLogBytesFrom(createLogFiles(), { path, options }, signal);
}
