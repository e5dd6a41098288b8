import type { LogFields, Logger } from '@nodeagent/base';
import pino from 'pino';

import type { LogSettings } from '../model/log-settings.js';
import { Verbosity } from '../model/verbosity.js';
import { errorText, isProgrammingError } from '../render/error-text.js';
import { klogLine } from '../render/klog-line.js';
import { createLogStream } from './log-stream.js';

/** Format and verbosity of the lines, and the program's name. */
export interface LoggerOptions extends Partial<LogSettings> {
  /** The program's name in text lines. */
  readonly program: string;
}

/** A program's logs. */
export interface Logs {
  /** Its `debug` lines are changes of state, written from verbosity 2 on. */
  readonly log: Logger;
  /** Gives a logger whose `debug` lines are written from another verbosity on. */
  readonly from: (verbosity: number) => Logger;
  /** Can be changed while the program runs. */
  readonly verbosity: Verbosity;
}

/** The verbosity at which Kubernetes' components write changes of state. */
const CHANGES_OF_STATE = 2;

/**
 * Opens the logs of this process. The names of fields in the JSON format are those of Kubernetes:
 * `ts` (milliseconds since 1970), `msg`, `v` (information only), `err`, `logger` (part of the
 * program). A warning has `"severity":"warning"`; `caller` is not written.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/logs/json/json.go
 */
export function openLogs({ program, ...given }: LoggerOptions): Logs {
  const { format, verbosity: level, modules, ...stream }: LogSettings = { ...USUAL, ...given };
  const verbosity = new Verbosity(level, modules);
  const render = format === 'json' ? (line: string) => line : textOf(program);
  const written = pino(
    {
      level: 'debug',
      base: null,
      // no level among the fields: the time stamp comes first, so it has no comma before it
      formatters: { level: () => ({}) },
      timestamp: () => `"ts":${Date.now()}`,
    },
    createLogStream(stream, render),
  );
  const from = (needed: number): Logger => new LeveledLogger(written, { verbosity, needed });
  return { log: from(CHANGES_OF_STATE), from, verbosity };
}

const USUAL: LogSettings = {
  format: 'text',
  verbosity: 0,
  modules: [],
  splitStream: false,
  infoBufferBytes: 0,
  flushMs: 5000,
};

interface Level {
  readonly verbosity: Verbosity;
  /** Verbosity from which on debug lines are written. */
  readonly needed: number;
}

class LeveledLogger implements Logger {
  readonly #written: pino.Logger;
  readonly #level: Level;
  readonly #module: string | undefined;

  constructor(written: pino.Logger, level: Level, module?: string) {
    this.#written = written;
    this.#level = level;
    this.#module = module;
  }

  debug(fields: LogFields, message: string): void {
    const { verbosity, needed } = this.#level;
    if (verbosity.reaches(needed, this.#module)) {
      this.#written.debug({ v: needed, ...plain(fields) }, message);
    }
  }

  info(fields: LogFields, message: string): void {
    this.#written.info({ v: 0, ...plain(fields) }, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#written.warn({ v: 0, severity: 'warning', ...plain(fields) }, message);
  }

  error(fields: LogFields, message: string): void {
    this.#written.error(plain(fields), message);
  }

  child(fields: LogFields): Logger {
    const { logger } = fields;
    const module = typeof logger === 'string' ? logger : this.#module;
    return new LeveledLogger(this.#written.child(plain(fields)), this.#level, module);
  }
}

/** Replaces the error by its text; a programming error keeps its stack. Rounds fractions. */
function plain(fields: LogFields): LogFields {
  const { err } = fields;
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const isFraction = typeof value === 'number' && !Number.isInteger(value);
    shown[name] = isFraction ? Number(value.toFixed(DECIMALS)) : value;
  }
  if (!(err instanceof Error)) return shown;
  const stack = isProgrammingError(err) && { stacktrace: err.stack };
  return { ...shown, err: errorText(err), ...stack };
}

/** Milliseconds are measured and jittered to many more. */
const DECIMALS = 1;

const LETTERS = new Map([
  [40, 'W'],
  [50, 'E'],
] as const);

/** Shown by the letter, or by the line's presence. */
const UNSEEN: ReadonlySet<string> = new Set(['v', 'severity']);

/** Converts pino's JSON line to klog's form. */
function textOf(program: string): (json: string, level: number) => string {
  return (json, level) => {
    const { ts, msg, ...rest } = JSON.parse(json) as LogFields;
    const fields = Object.fromEntries(Object.entries(rest).filter(([name]) => !UNSEEN.has(name)));
    const letter = LETTERS.get(level as 40) ?? 'I';
    const processId = process.pid;
    return klogLine({
      ...{ letter, processId, program, fields, message: String(msg), timeMs: Number(ts) },
    });
  };
}
