import { createLogFiles } from './adapters/log-files.js';
import type { LogBytesOptions, LogEntry, LogOptions } from './model/log.js';
import { readLogBytesFrom, readLogFrom } from './run/read-log.js';

/** Reads a log on this machine. @see readLogFrom for behaviour and errors */
export function readLog(
  path: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  return readLogFrom(createLogFiles(), { path, options }, signal);
}

/** Reads the same as bytes, many lines at a time, each piece as soon as it is available. */
export function readLogBytes(
  path: string,
  options: LogBytesOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return readLogBytesFrom(createLogFiles(), { path, options }, signal);
}
