import { closeSync } from 'node:fs';

import { FileError } from '../../model/file-error.js';
import { DIRECTORY_ITSELF, mountOf, pathInDirectory, pathOfDescriptor } from './descriptor.js';
import { type ListedEntry, type Listing, QUEUED_TREE, type TreeCalls } from './tree-calls.js';

type Soon<T> = T | Promise<T>;

export interface TreeEntry {
  /** Through the descriptor of its directory; only its last part can be a link. */
  readonly path: Buffer;
  /** As the directory said when it was read; it may be exchanged by now. */
  readonly isDirectory: boolean;
}

/** A directory that was entered. */
export interface LeftDirectory {
  readonly fd: number;
  /** Its entry in the directory above; undefined when it was moved away from there meanwhile. */
  readonly path: Buffer | undefined;
  /** How often it has been read to its end. */
  readonly passes: number;
}

/** What is done with a tree. */
export interface TreeVisitor {
  /** `enter` a directory, which `leave` is called for; whether any other entry still is there. */
  visit(entry: TreeEntry): Soon<'enter' | 'stays' | 'gone'>;
  /** After everything inside a directory. `again` reads it from its start once more. */
  leave(directory: LeftDirectory): Soon<'stays' | 'gone' | 'again'>;
}

export interface WalkOptions {
  /** What other file systems, and other mounts of the same one, are met with. */
  readonly otherMounts: 'skipped' | 'refused';
  /** For disks, one at a time, when absent. */
  readonly calls?: TreeCalls;
  readonly signal?: AbortSignal;
}

/** Where a walk starts. */
export interface WalkStart {
  /** A directory; stays open. */
  readonly fd: number;
  /** Only the entry of this name, each byte one character; all when absent. */
  readonly only?: string;
}

/** Directories that are kept open, of the deepest ones. Each has a batch of its entries in memory. */
const HELD = 64;

interface Frame {
  /** In the frame above it; each byte one character. */
  readonly name: string;
  /** Undefined while it is not held. */
  fd: number | undefined;
  /** Of what is not held: told again by this. */
  identity: string | undefined;
  listing: Listing | undefined;
  /** Entries that have been visited and are still there: they come again in a new listing. */
  kept: number;
  passes: number;
}

/**
 * Walks a tree in depth by descriptors: each directory is opened from the descriptor of the one above
 * it, without following links, so neither a link that is put in its place nor a path that is too long
 * leads anywhere else. What is held at a time is bounded, however deep or wide the tree is: a
 * directory high above is closed, and found again through `..` of the one below it, or by its names
 * from the start where it was moved; it is taken only when it is the same one as before.
 *
 * Calls are made one after the other, so that others get their turn.
 *
 * @throws {FileError} `FILE_TREE` for what the system refuses, and for another mount that is `refused`
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
    this.#mount = mountOf(fd);
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

  /** Continues where it was when it was let go of, as far as the directory is the same. */
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

  /** @returns `exchanged` when it is no directory any more */
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
    if (mountOf(fd) === this.#mount) return fd;
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

  /** @returns whether the directory above is the one that was walked before */
  async #regain(parent: Frame, child: number): Promise<boolean> {
    const fd = await this.#enter(pathInDirectory(child, '..'));
    if (typeof fd !== 'number') return false;
    if ((await this.#calls.identity(fd)) === parent.identity) {
      parent.fd = fd;
      return true;
    }
    closeSync(fd);
    return false;
  }

  /** Goes on in the deepest directory on the way that still is where it was. */
  async #findDeepest(): Promise<void> {
    let deepest = 0;
    let fd = this.#root;
    for (const [at, frame] of this.#frames.entries()) {
      if (at === 0) continue;
      const next = await this.#enter(pathInDirectory(fd, frame.name));
      if (typeof next !== 'number') break;
      if ((await this.#calls.identity(next)) !== frame.identity) {
        closeSync(next);
        break;
      }
      if (deepest > 0) closeSync(fd);
      [deepest, fd] = [at, next];
    }
    const lost = this.#frames.splice(deepest + 1);
    for (const frame of lost) this.#release(frame);
    const found = this.#frames[deepest];
    if (found !== undefined) found.fd = fd;
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

function frameOf(name: string, fd: number, listing: Listing | undefined): Frame {
  return { name, fd, identity: undefined, listing, kept: 0, passes: 0 };
}

/** One entry, which may or may not be a directory: whoever visits it finds out. */
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
  throw new FileError('FILE_TREE', `${name} is not held`);
}
