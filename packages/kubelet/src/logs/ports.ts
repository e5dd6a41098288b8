/** Access to the directories of container logs. */
export interface RotationFiles {
  /** @returns undefined when there is no such file */
  sizeBytes(path: string): Promise<number | undefined>;
  /** Names of all entries in a directory. */
  names(directory: string): Promise<readonly string[]>;
  /** Does nothing if the file is already gone. */
  remove(path: string): Promise<void>;
  /**
   * Replaces the file with `<path>.gz`, which has the same mode and times. The archive is called
   * `<path>.gz.tmp` until it is complete. Does nothing if the file is gone.
   */
  compress(path: string, signal: AbortSignal): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}
