import { closeSync, openSync } from 'node:fs';

import { readKernelText, readOpenKernelText, unlessKernelGone } from '@nodeagent/base/files';

export interface KeptFilesOptions {
  /** How many files a directory has that are read. */
  readonly count: number;
  /** @param at which of them, from 0 */
  readonly pathOf: (directory: string, at: number) => string;
  /** At a time; further ones are opened for each reading. */
  readonly most: number;
  readonly buffer: Buffer;
}

interface Directory {
  readonly path: string;
  /** A file descriptor, or one of the two below. */
  readonly files: Int32Array;
  isUsed: boolean;
}

const CLOSED = -1;
const ABSENT = -2;
/** Scrapes come at least once a minute; what was not read between two such looks is closed. */
const LOOK_MS = 70_000;

/**
 * Files of the kernel that are read again and again, from many directories: they stay open between
 * two readings, as finding a file's name costs five times what the kernel needs for its text. An
 * open file holds up to a page of kernel memory, and nothing of its cgroup.
 */
export class KeptFiles {
  readonly #options: KeptFilesOptions;
  readonly #directories = new Map<string, Directory>();
  #open = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KeptFilesOptions) {
    this.#options = options;
  }

  /** How many are open. */
  get open(): number {
    return this.#open;
  }

  /** @param isNew files that were not there before are looked for again */
  directory(path: string, isNew: boolean): Directory {
    let found = this.#directories.get(path);
    if (found === undefined) {
      const files = new Int32Array(this.#options.count).fill(CLOSED);
      found = { path, files, isUsed: true };
      this.#directories.set(path, found);
      this.#timer ??= setInterval(() => this.closeUnused(), LOOK_MS).unref();
    }
    found.isUsed = true;
    if (isNew) {
      for (const [at, file] of found.files.entries()) if (file === ABSENT) found.files[at] = CLOSED;
    }
    return found;
  }

  /** Undefined for a file that is not there, or says nothing to us. */
  read(directory: Directory, at: number): string | undefined {
    const { files } = directory;
    const { buffer, pathOf, most } = this.#options;
    const file = files[at] ?? ABSENT;
    if (file === ABSENT) return undefined;
    if (file >= 0) {
      try {
        return readOpenKernelText(file, buffer);
      } catch (error) {
        unlessKernelGone(error);
        // of a cgroup that is no more: there may be a new one of that name
        this.#close(directory, at);
      }
    }
    const path = pathOf(directory.path, at);
    if (this.#open >= most) return readKernelText(path, buffer);
    try {
      files[at] = openSync(path, 'r');
      this.#open += 1;
      return readOpenKernelText(files[at], buffer);
    } catch (error) {
      unlessKernelGone(error);
      this.#close(directory, at);
      files[at] = ABSENT;
      return undefined;
    }
  }

  /** Whatever was not read since the last time. */
  closeUnused(): void {
    for (const directory of this.#directories.values()) {
      if (!directory.isUsed) this.#forget(directory);
      directory.isUsed = false;
    }
    if (this.#directories.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #forget(directory: Directory): void {
    for (const at of directory.files.keys()) this.#close(directory, at);
    this.#directories.delete(directory.path);
  }

  #close({ files }: Directory, at: number): void {
    const file = files[at] ?? CLOSED;
    if (file >= 0) {
      closeSync(file);
      this.#open -= 1;
    }
    files[at] = CLOSED;
  }
}
