import * as sync from 'node:fs';
import * as queued from 'node:fs/promises';

import { AT_ONCE_TREE, removeTree } from '@nodeagent/base/files';

type Soon<T> = T | Promise<T>;

/** The calls that write the files of a volume. Every call rejects, or throws, as `node:fs` does. */
export interface FileCalls {
  chmod(path: string, mode: number): Soon<void>;
  chown(path: string, uid: number, gid: number): Soon<void>;
  mkdir(path: string): Soon<unknown>;
  mkdtemp(prefix: string): Soon<string>;
  names(path: string): Soon<readonly string[]>;
  /** Files, links and directories on all levels. */
  entriesBelow(path: string): Soon<readonly sync.Dirent[]>;
  readFile(path: string): Soon<Buffer>;
  readlink(path: string): Soon<string>;
  rename(from: string, to: string): Soon<void>;
  /** Removes it with everything below; it may be missing. */
  remove(path: string): Soon<void>;
  stat(path: string): Soon<sync.Stats>;
  symlink(target: string, path: string): Soon<void>;
  unlink(path: string): Soon<void>;
  writeFile(path: string, content: Uint8Array, mode: number): Soon<void>;
}

const ALL_LEVELS = { recursive: true, withFileTypes: true } as const;

/** For disks, where a call may block: runs on other threads. */
export const QUEUED: FileCalls = {
  chmod: queued.chmod,
  chown: queued.chown,
  mkdir: (path) => queued.mkdir(path),
  mkdtemp: (prefix) => queued.mkdtemp(prefix),
  names: (path) => queued.readdir(path),
  entriesBelow: (path) => queued.readdir(path, ALL_LEVELS),
  readFile: (path) => queued.readFile(path),
  readlink: (path) => queued.readlink(path),
  rename: queued.rename,
  remove: (path) => removeTree(path),
  stat: (path) => queued.stat(path),
  symlink: (target, path) => queued.symlink(target, path),
  unlink: queued.unlink,
  writeFile: (path, content, mode) => queued.writeFile(path, content, { mode }),
};

/**
 * For memory file systems, which never block: a call takes a few microseconds, but passing it to
 * another thread and back takes a few hundred.
 */
export const AT_ONCE: FileCalls = {
  chmod: sync.chmodSync,
  chown: sync.chownSync,
  mkdir: (path) => sync.mkdirSync(path),
  mkdtemp: (prefix) => sync.mkdtempSync(prefix),
  names: (path) => sync.readdirSync(path),
  entriesBelow: (path) => sync.readdirSync(path, ALL_LEVELS),
  readFile: (path) => sync.readFileSync(path),
  readlink: (path) => sync.readlinkSync(path),
  rename: sync.renameSync,
  remove: (path) => removeTree(path, { calls: AT_ONCE_TREE }),
  stat: (path) => sync.statSync(path),
  symlink: (target, path) => sync.symlinkSync(target, path),
  unlink: sync.unlinkSync,
  writeFile: (path, content, mode) => sync.writeFileSync(path, content, { mode }),
};
