import { closeSync, constants } from 'node:fs';
import { basename, dirname } from 'node:path';

import { FileError } from '../../model/file-error.js';
import { O_PATH } from './descriptor.js';
import { QUEUED_TREE, type TreeCalls } from './tree-calls.js';
import { type TreeEntry, type TreeVisitor, walkTree } from './tree-walk.js';

export interface RemoveTreeOptions {
  /** For disks, one at a time, when absent. */
  readonly calls?: TreeCalls;
  readonly signal?: AbortSignal;
}

/** How often one directory is read in which others go on making files. */
const MAX_PASSES = 32;
/** The same for a whole tree: then somebody wants it to be there. */
const MAX_AGAIN = 1000;

/**
 * Removes a file, a link or a directory with everything in it; nothing there is fine. Links are
 * removed, never followed, also those that somebody puts in a directory's place meanwhile: nothing
 * outside the tree goes. What is mounted in it stays, and is an error. Neither the depth of the tree
 * nor the number of its files matters: see {@link walkTree}.
 *
 * @param path the directory that it is in may be reached by links: it must be the caller's own
 * @throws {FileError} `FILE_TREE` when something cannot be removed; what is left can be tried again
 */
export async function removeTree(path: string, options: RemoveTreeOptions = {}): Promise<void> {
  const calls = options.calls ?? QUEUED_TREE;
  const above = await openAbove(path, calls);
  if (above === undefined) return;
  const only = Buffer.from(basename(path)).toString('latin1');
  try {
    const removal = new Removal(calls);
    await walkTree({ fd: above, only }, removal, { ...options, otherMounts: 'refused' });
    if (removal.isStuck) {
      throw new FileError('FILE_TREE', 'others go on making files in it');
    }
  } catch (error) {
    options.signal?.throwIfAborted();
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
  /** What was visited last is still there: in the end, that is the tree itself. */
  isStuck = false;

  constructor(calls: TreeCalls) {
    this.#calls = calls;
  }

  /** Most directories are empty, and gone with one call; it fails where something is mounted. */
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
    // A directory again: the one above it is not empty then, and is read once more.
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

  /** @returns what went wrong; what is gone already is not wrong */
  async #try(act: () => void | Promise<void>): Promise<Error | undefined> {
    try {
      await act();
      return undefined;
    } catch (error) {
      return codeOf(error) === 'ENOENT' ? undefined : (error as Error);
    }
  }
}

/** @see rmdir(2): file systems use either */
function isFull(error: unknown): boolean {
  return codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST';
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
