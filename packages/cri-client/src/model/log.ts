export type LogStream = 'stdout' | 'stderr';

/** One record of a container's log, as the container wrote it. */
export interface LogRecord {
  /** RFC 3339 with up to nine digits of a second, as the runtime wrote it. */
  readonly time: string;
  readonly stream: LogStream;
  /** The next record of this stream continues the line. */
  readonly partial: boolean;
  /** With its newline, unless partial. Shares memory with the block it was read in. */
  readonly content: Uint8Array;
}

/** What to read of a log; everything when empty. */
export interface LogOptions {
  /** Goes on when the end is reached, across rotations, until `isRunning` says no or an abort. */
  readonly follow?: boolean | undefined;
  /** Begins with the rotated files that are still there, compressed or not. */
  readonly rotated?: boolean | undefined;
  /** Starts so many records before the present end; parts of a long line count each. */
  readonly tailRecords?: number | undefined;
  /** Leaves out what is older, wall clock. */
  readonly sinceMs?: number | undefined;
  /** Begins each line with its time, nine digits of a second, and a blank. */
  readonly timestamps?: boolean | undefined;
  /** Ends after so many bytes, if need be within a line. */
  readonly limitBytes?: number | undefined;
  /** Both when absent. */
  readonly stream?: LogStream | undefined;
  /**
   * For `follow`: asked when the end is first reached, and then once a second while nothing is
   * written. When it says no, what has been written until then is still read. Without it only an
   * abort ends the reading.
   */
  readonly isRunning?: ((signal: AbortSignal) => Promise<boolean>) | undefined;
}

/** How to read a log as bytes. */
export interface LogBytesOptions extends LogOptions {
  /**
   * Each piece is good until the next is asked for, whose memory may be the same. For readers that
   * are done with a piece by then: a long log costs half without new memory for each.
   */
  readonly lent?: boolean | undefined;
}

/** A piece of output that passed the options. */
export interface LogEntry {
  readonly time: string;
  readonly stream: LogStream;
  /** Content with its newline, and the time before it if asked for. */
  readonly data: Uint8Array;
}
