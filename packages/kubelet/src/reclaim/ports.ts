import type { DiskSpace } from './model/image-gc.js';

/** Measures the file system that contains a path; undefined if the path does not exist. */
export type DiskReading = (path: string) => Promise<DiskSpace | undefined>;

/** The links by which log collectors find containers' logs. */
export interface LogLinks {
  /** Names of the links whose log does not exist. */
  dangling(signal: AbortSignal): Promise<readonly string[]>;
  /** Removes a link; a missing one is fine. */
  remove(name: string): Promise<void>;
}
