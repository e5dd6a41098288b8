import type { DiskSpace } from './model/image-gc.js';

/** Measures the file system that contains a path; undefined if the path does not exist. */
export type DiskReading = (path: string) => Promise<DiskSpace | undefined>;
