/** The stream of a container that a log record belongs to; a terminal has only `stdout`. */
export type LogStream = 'stdout' | 'stderr';

/** One record of a container's log, as the container wrote it. */
export interface LogRecord {
  /** RFC 3339 with up to nine digits of a second, as the runtime wrote it. */
  readonly time: string;
  readonly stream: LogStream;
  /** True when the next record of this stream continues the line. */
  readonly partial: boolean;
  /** Includes the newline, unless partial. Shares memory with the block it was read from. */
  readonly content: Uint8Array;
}

/** Selects a part of a log; empty options select everything. */
export interface LogOptions {
  /**
   * Continues after the end is reached, across rotations, until `isRunning` returns false or the
   * signal fires.
   */
  readonly follow?: boolean | undefined;
  /** Starts with the rotated files that still exist, compressed or not. */
  readonly rotated?: boolean | undefined;
  /** Starts this many records before the present end; parts of a long line count each. */
  readonly tailRecords?: number | undefined;
  /** Leaves out records older than this wall-clock time. */
  readonly sinceMs?: number | undefined;
  /** Starts each line with its time, nine digits of a second, and a space. */
  readonly timestamps?: boolean | undefined;
  /** Stops after this many bytes, within a line if necessary. */
  readonly limitBytes?: number | undefined;
  /** Both streams when absent. */
  readonly stream?: LogStream | undefined;
  /**
   * For `follow`: called when the end is first reached, and then once a second while nothing is
   * written. After it returns false, reading still continues to the end that the log then has.
   * Without it only an abort ends the reading.
   */
  readonly isRunning?: ((signal: AbortSignal) => Promise<boolean>) | undefined;
}

/** Options for reading a log as bytes. */
export interface LogBytesOptions extends LogOptions {
  /**
   * A piece is valid only until the next one is requested, which may reuse its memory. For readers
   * that are done with a piece by then: a long log costs half as much without new memory per piece.
   */
  readonly lent?: boolean | undefined;
}

/** Output that passed the options. */
export interface LogEntry {
  readonly time: string;
  readonly stream: LogStream;
  /** The content with its newline, after the time if timestamps were requested. */
  readonly data: Uint8Array;
}
