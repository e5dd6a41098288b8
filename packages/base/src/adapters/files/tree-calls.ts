import * as sync from 'node:fs';
import * as queued from 'node:fs/promises';
import { promisify } from 'node:util';

import { mountOf } from './descriptor.js';

type Soon<T> = T | Promise<T>;

/**
 * One entry of a directory. Each byte of its name is one character, because names need not be
 * UTF-8.
 */
export interface ListedEntry {
  readonly name: string;
  isDirectory(): boolean;
}

/** Reads the entries of one directory, a batch at a time. */
export interface Listing {
  /** @returns null at the end */
  next(): Soon<ListedEntry | null>;
  close(): void;
}

/** The system calls that a walk makes. Every call rejects, or throws, as `node:fs` does. */
export interface TreeCalls {
  /** @returns a descriptor */
  open(path: Buffer | string, flags: number): Soon<number>;
  list(path: string): Soon<Listing>;
  /** Returns device and inode of a descriptor as one text. */
  identity(fd: number): Soon<string>;
  /** Returns the id of the mount that a descriptor is on; needs one more descriptor. */
  mountOf(fd: number): string | undefined;
  rmdir(path: Buffer): Soon<void>;
  unlink(path: Buffer): Soon<void>;
}

/**
 * Each byte of a name is one character: see {@link ListedEntry}. `bufferSize` is the number of
 * entries held in memory.
 */
const LISTING = { encoding: 'latin1', bufferSize: 128 } as const;
const EXACT = { bigint: true } as const;

const openQueued = promisify(sync.open) as (
  path: Buffer | string,
  flags: number,
) => Promise<number>;
const statQueued = promisify(sync.fstat) as (
  fd: number,
  options: typeof EXACT,
) => Promise<sync.BigIntStats>;

/** Calls for disks, which may keep a caller waiting: they run on another thread, one at a time. */
export const QUEUED_TREE: TreeCalls = {
  open: openQueued,
  list: async (path) => {
    const directory = await queued.opendir(path, LISTING);
    return { next: () => directory.read(), close: () => directory.closeSync() };
  },
  identity: async (fd) => identityOf(await statQueued(fd, EXACT)),
  mountOf,
  rmdir: (path) => queued.rmdir(path),
  unlink: (path) => queued.unlink(path),
};

/** Calls for memory file systems, which never keep a caller waiting: they run at once. */
export const AT_ONCE_TREE: TreeCalls = {
  open: (path, flags) => sync.openSync(path, flags),
  list: (path) => {
    const directory = sync.opendirSync(path, LISTING);
    return { next: () => directory.readSync(), close: () => directory.closeSync() };
  },
  identity: (fd) => identityOf(sync.fstatSync(fd, EXACT)),
  mountOf,
  rmdir: (path) => sync.rmdirSync(path),
  unlink: (path) => sync.unlinkSync(path),
};

function identityOf({ dev, ino }: sync.BigIntStats): string {
  return `${dev}:${ino}`;
}
