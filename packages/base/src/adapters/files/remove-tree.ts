import { closeSync, constants } from 'node:fs';
import { basename, dirname } from 'node:path';

import { FileError } from '../../model/file-error.js';
import { O_PATH } from './descriptor.js';
import { QUEUED_TREE, type TreeCalls } from './tree-calls.js';
import { type TreeEntry, type TreeVisitor, walkTree } from './tree-walk.js';

/** Aborting leaves what has not been removed yet; a second call continues. */
export interface RemoveTreeOptions {
  /** When absent: calls for disks, one at a time. */
  readonly calls?: TreeCalls;
  readonly signal?: AbortSignal;
}

/** Limit on how often one directory is read again when others keep making files in it. */
const MAX_PASSES = 32;
/**
 * Limit on repeated reads in the whole tree: beyond it, another program evidently wants the tree to
 * exist.
 */
const MAX_AGAIN = 1000;

/**
 * Removes a file, a link or a directory with everything in it; succeeds when nothing is there.
 * Links are removed and never followed, even a link that another process puts in a directory's
 * place meanwhile, so nothing outside the tree is removed. A mount inside the tree stays and is an
 * error. Neither depth nor number of files is limited: see {@link walkTree}.
 *
 * @param path links are followed up to its parent directory, which must be the caller's own
 * @throws {FileError} `FILE_TREE` when something cannot be removed; the rest can be tried again
 */
export async function removeTree(path: string, options: RemoveTreeOptions = {}): Promise<void> {
  const { calls = QUEUED_TREE, signal } = options;
  const above = await openAbove(path, calls);
  if (above === undefined) return;
  const only = Buffer.from(basename(path)).toString('latin1');
  try {
    const removal = new Removal(calls);
    const walk = { calls, otherMounts: 'refused', ...(signal && { signal }) } as const;
    await walkTree({ fd: above, only }, removal, walk);
    if (removal.isStuck) {
      throw new FileError('FILE_TREE', 'other processes keep making files in it');
    }
  } catch (error) {
    signal?.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    throw new FileError('FILE_TREE', `cannot remove ${path}: ${why}`, { cause: error });
  } finally {
    closeSync(above);
  }
}

async function openAbove(path: string, calls: TreeCalls): Promise<number | undefined> {
  try {
    return await calls.open(dirname(path), O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

class Removal implements TreeVisitor {
  readonly #calls: TreeCalls;
  #again = 0;
  /**
   * The entry visited last is still there; at the end of the walk, that entry is the tree itself.
   */
  isStuck = false;

  constructor(calls: TreeCalls) {
    this.#calls = calls;
  }

  /**
   * Tries `rmdir` first: most directories are empty and need just this call. It fails on a mount
   * point.
   */
  async visit({ path, isDirectory }: TreeEntry): Promise<'enter' | 'stays' | 'gone'> {
    if (!isDirectory) {
      const unlinked = await this.#try(() => this.#calls.unlink(path));
      if (unlinked === undefined) return 'gone';
      if (codeOf(unlinked) !== 'EISDIR') throw unlinked;
    }
    const removed = await this.#try(() => this.#calls.rmdir(path));
    if (removed === undefined) return 'gone';
    if (isFull(removed)) return 'enter';
    if (codeOf(removed) !== 'ENOTDIR') throw removed;
    const unlinked = await this.#try(() => this.#calls.unlink(path));
    if (unlinked === undefined) return 'gone';
    if (codeOf(unlinked) !== 'EISDIR') throw unlinked;
    // It is a directory again, so its parent is not empty and is read once more.
    this.isStuck = true;
    return 'stays';
  }

  async leave({ path, passes }: Readonly<{ path: Buffer | undefined; passes: number }>) {
    if (path === undefined) return 'gone';
    const removed = await this.#try(() => this.#calls.rmdir(path));
    this.isStuck = false;
    if (removed === undefined) return 'gone';
    if (codeOf(removed) === 'ENOTDIR') return this.#leaveExchanged(path);
    if (!isFull(removed)) throw removed;
    this.#again += 1;
    if (this.#again > MAX_AGAIN) throw removed;
    if (passes < MAX_PASSES) return 'again';
    this.isStuck = true;
    return 'stays';
  }

  async #leaveExchanged(path: Buffer): Promise<'stays' | 'gone'> {
    const outcome = await this.visit({ path, isDirectory: false });
    if (outcome === 'gone') return 'gone';
    this.isStuck = true;
    return 'stays';
  }

  /** @returns the error, if any; a missing file is not an error */
  async #try(act: () => void | Promise<void>): Promise<Error | undefined> {
    try {
      await act();
      return undefined;
    } catch (error) {
      return codeOf(error) === 'ENOENT' ? undefined : (error as Error);
    }
  }
}

/** @see rmdir(2): some file systems report one code, some the other */
function isFull(error: unknown): boolean {
  return codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST';
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
