/** Profiles of this process. */
export interface Profiler {
  /** @returns a CPU profile as JSON, in the form that browsers' developer tools read */
  cpu(seconds: number, signal: AbortSignal): Promise<string>;
  /** Pieces of a heap snapshot in JSON; the process stands still while it is made. */
  heap(): AsyncIterable<Uint8Array>;
}

/** The manager of services that started this process, such as systemd. */
export interface ServiceManager {
  /** It restarts this process after such a time without a sign of life; undefined: never. */
  readonly watchdogMs: number | undefined;
  /**
   * @param state an assignment, such as `READY=1`
   * @throws {Error} if it cannot be told
   */
  notify(state: string): Promise<void>;
}
