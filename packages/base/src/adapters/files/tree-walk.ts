import { closeSync } from 'node:fs';

import { FileError } from '../../model/file-error.js';
import { DIRECTORY_ITSELF, pathInDirectory, pathOfDescriptor } from './descriptor.js';
import { type ListedEntry, type Listing, QUEUED_TREE, type TreeCalls } from './tree-calls.js';

type Soon<T> = T | Promise<T>;

/** One name in a directory that is being walked, valid only during the visit. */
export interface TreeEntry {
  /** The entry's path through its directory's descriptor; only its last part can be a link. */
  readonly path: Buffer;
  /** The kind that the directory listing gave; the entry may have been replaced since. */
  readonly isDirectory: boolean;
}

/** A directory whose entries have all been visited. */
export interface LeftDirectory {
  readonly fd: number;
  /** Its path in the parent directory; undefined when it was moved away meanwhile. */
  readonly path: Buffer | undefined;
  /** The number of times it has been read to its end. */
  readonly passes: number;
}

/** The caller's actions on a tree. */
export interface TreeVisitor {
  /**
   * `enter`: the walk goes into this directory and calls `leave` afterwards. `stays` and `gone`
   * report whether the entry still exists.
   */
  visit(entry: TreeEntry): Soon<'enter' | 'stays' | 'gone'>;
  /**
   * Called after everything inside a directory. `again` reads the directory once more from its
   * start.
   */
  leave(directory: LeftDirectory): Soon<'stays' | 'gone' | 'again'>;
}

/** Limits of a walk: the mounts that it enters, and the signal that ends it. */
export interface WalkOptions {
  /** How to treat entries on other file systems, or on other mounts of the same one. */
  readonly otherMounts: 'skipped' | 'refused';
  /** When absent: calls for disks, one at a time. */
  readonly calls?: TreeCalls;
  readonly signal?: AbortSignal;
}

/** The place where a walk starts. */
export interface WalkStart {
  /** The descriptor of a directory; it stays open. */
  readonly fd: number;
  /**
   * Restricts the walk to the entry of this name, each byte one character; absent means all
   * entries.
   */
  readonly only?: string;
}

/** Number of open directories, the deepest ones. Each keeps a batch of its entries in memory. */
const HELD = 64;

interface Frame {
  /** The name in the parent frame's directory; each byte one character. */
  readonly name: string;
  /** Undefined while the directory is closed. */
  fd: number | undefined;
  /**
   * Device and inode, which recognise the directory when it is opened again; set when it is closed.
   */
  identity: string | undefined;
  listing: Listing | undefined;
  /** Number of visited entries that still exist; a new listing returns them again. */
  kept: number;
  passes: number;
}

/**
 * Walks a tree depth-first through descriptors: each directory is opened from its parent's
 * descriptor, and links are not followed. So neither a link put in a directory's place nor an
 * overlong path leads out of the tree.
 *
 * Memory and open descriptors are bounded, however deep or wide the tree is. Directories far above
 * the current one are closed and found again later, through `..` of their child, or by their names
 * from the start if they were moved. A directory found again is used only if it is the same one as
 * before.
 *
 * The walk makes one call at a time, so that other work gets its turn.
 *
 * @throws {FileError} `FILE_TREE` for a refused system call, and for another mount when those are
 *   `refused`
 */
export async function walkTree(
  start: WalkStart,
  visitor: TreeVisitor,
  options: WalkOptions,
): Promise<void> {
  const walk = new TreeWalk(start, visitor, options);
  try {
    await walk.run();
  } finally {
    walk.close();
  }
}

class TreeWalk {
  readonly #visitor: TreeVisitor;
  readonly #calls: TreeCalls;
  readonly #options: WalkOptions;
  readonly #mount: string | undefined;
  readonly #root: number;
  readonly #frames: Frame[];

  constructor({ fd, only }: WalkStart, visitor: TreeVisitor, options: WalkOptions) {
    this.#visitor = visitor;
    this.#calls = options.calls ?? QUEUED_TREE;
    this.#options = options;
    this.#mount = this.#calls.mountOf(fd);
    this.#root = fd;
    this.#frames = [frameOf('', fd, only === undefined ? undefined : listingOf(only))];
  }

  async run(): Promise<void> {
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      this.#options.signal?.throwIfAborted();
      let name = '';
      try {
        const entry = await this.#next(frame);
        if (entry === undefined) {
          if (frame.fd === this.#root) return;
          await this.#leave(frame);
        } else {
          ({ name } = entry);
          await this.#visit(frame, name, entry.isDirectory());
        }
      } catch (cause) {
        throw this.#error(name, cause);
      }
    }
  }

  close(): void {
    for (const frame of this.#frames.splice(0)) this.#release(frame);
  }

  async #next(frame: Frame): Promise<ListedEntry | undefined> {
    frame.listing ??= await this.#list(frame);
    const entry = await frame.listing.next();
    if (entry !== null) return entry;
    frame.listing.close();
    frame.listing = undefined;
    return undefined;
  }

  /**
   * Lists a directory from where an earlier listing stopped, provided that the directory is the
   * same.
   */
  async #list(frame: Frame): Promise<Listing> {
    const listing = await this.#calls.list(pathOfDescriptor(held(frame)));
    for (let skipped = 0; skipped < frame.kept; skipped += 1) {
      if ((await listing.next()) === null) break;
    }
    return listing;
  }

  async #visit(frame: Frame, name: string, isDirectory: boolean): Promise<void> {
    const path = pathInDirectory(held(frame), name);
    let outcome = await this.#visitor.visit({ path, isDirectory });
    if (outcome === 'enter') {
      const entered = await this.#enter(path);
      if (typeof entered === 'number') {
        this.#frames.push(frameOf(name, entered, undefined));
        await this.#letGo(this.#frames.length - 1 - HELD);
        return;
      }
      outcome =
        entered === 'exchanged' ? await this.#visitor.visit({ path, isDirectory: false }) : entered;
    }
    if (outcome !== 'gone') frame.kept += 1;
  }

  /** @returns `exchanged` when it is no longer a directory */
  async #enter(path: Buffer): Promise<number | 'exchanged' | 'stays' | 'gone'> {
    let fd: number;
    try {
      fd = await this.#calls.open(path, DIRECTORY_ITSELF);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return 'gone';
      if (code === 'ENOTDIR' || code === 'ELOOP') return 'exchanged';
      throw error;
    }
    const isInside = await unlessClosed(fd, () => this.#calls.mountOf(fd) === this.#mount);
    if (isInside) return fd;
    closeSync(fd);
    if (this.#options.otherMounts === 'skipped') return 'stays';
    throw new FileError('FILE_TREE', 'something is mounted there');
  }

  async #leave(frame: Frame): Promise<void> {
    const fd = held(frame);
    const parent = this.#frames.at(-2);
    if (parent === undefined) return;
    const isFound = parent.fd !== undefined || (await this.#regain(parent, fd));
    const path = isFound ? pathInDirectory(held(parent), frame.name) : undefined;
    frame.passes += 1;
    const outcome = await this.#visitor.leave({ fd, path, passes: frame.passes });
    if (outcome === 'again') {
      frame.kept = 0;
      return;
    }
    this.#frames.pop();
    this.#release(frame);
    if (!isFound) await this.#findDeepest();
    else if (outcome === 'stays') parent.kept += 1;
  }

  /** @returns true when the parent is the directory that was walked before */
  async #regain(parent: Frame, child: number): Promise<boolean> {
    const fd = await this.#enter(pathInDirectory(child, '..'));
    if (typeof fd !== 'number') return false;
    const identity = await unlessClosed(fd, () => this.#calls.identity(fd));
    if (identity === parent.identity) {
      parent.fd = fd;
      return true;
    }
    closeSync(fd);
    return false;
  }

  /** Continues in the deepest directory of the path that is still in its place. */
  async #findDeepest(): Promise<void> {
    let deepest = this.#frames[0];
    for (const [at, frame] of this.#frames.entries()) {
      if (at === 0 || deepest === undefined) continue;
      const next = await this.#enter(pathInDirectory(held(deepest), frame.name));
      if (typeof next !== 'number') break;
      const identity = await unlessClosed(next, () => this.#calls.identity(next));
      if (identity !== frame.identity) {
        closeSync(next);
        break;
      }
      if (deepest.fd !== this.#root) this.#release(deepest);
      frame.fd = next;
      deepest = frame;
    }
    const lost = this.#frames.splice(this.#frames.findIndex((frame) => frame === deepest) + 1);
    for (const frame of lost) this.#release(frame);
  }

  async #letGo(at: number): Promise<void> {
    const frame = this.#frames[at];
    if (at <= 0 || frame?.fd === undefined) return;
    frame.identity = await this.#calls.identity(frame.fd);
    this.#release(frame);
  }

  #release(frame: Frame): void {
    frame.listing?.close();
    frame.listing = undefined;
    if (frame.fd !== undefined && frame.fd !== this.#root) closeSync(frame.fd);
    frame.fd = undefined;
  }

  #error(name: string, cause: unknown): Error {
    const names = [...this.#frames.slice(1).map((frame) => frame.name), name].filter(Boolean);
    const shown = names.length > 8 ? [...names.slice(0, 4), '…', ...names.slice(-3)] : names;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new FileError('FILE_TREE', `${shown.join('/')}: ${why}`, { cause });
  }
}

/** Closes the descriptor when the action fails, e.g. because no further descriptor is free. */
async function unlessClosed<T>(fd: number, act: () => Soon<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function frameOf(name: string, fd: number, listing: Listing | undefined): Frame {
  return { name, fd, identity: undefined, listing, kept: 0, passes: 0 };
}

/** A listing of one entry. It claims to be a directory; the visitor finds out whether it is one. */
function listingOf(name: string): Listing {
  let left: ListedEntry | null = { name, isDirectory: () => true };
  return {
    next: () => {
      const entry = left;
      left = null;
      return entry;
    },
    close: () => undefined,
  };
}

function held({ fd, name }: Frame): number {
  if (fd !== undefined) return fd;
  throw new FileError('FILE_TREE', `${name} is not open`);
}
