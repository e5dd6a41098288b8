/** Profiles of this process. */
export interface Profiler {
  /** @returns a CPU profile as JSON, in the form that browsers' developer tools read */
  cpu(seconds: number, signal: AbortSignal): Promise<string>;
  /** Pieces of a heap snapshot in JSON; the process stands still while it is made. */
  heap(): AsyncIterable<Uint8Array>;
}
