/** The directories of container logs. */
export interface RotationFiles {
  /** @returns undefined when there is no such file */
  sizeBytes(path: string): Promise<number | undefined>;
  /** Of everything in a directory. */
  names(directory: string): Promise<readonly string[]>;
  /** Gone already is fine. */
  remove(path: string): Promise<void>;
  /**
   * Puts `<path>.gz`, whole, of the same mode and time, in the file's place; an unfinished one is
   * called `<path>.gz.tmp`. A file that is gone is nothing to compress.
   */
  compress(path: string, signal: AbortSignal): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}
