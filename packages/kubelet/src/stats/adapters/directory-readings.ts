import type { Stats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';

import { O_PATH, type TreeEntry, walkTree } from '@nodeagent/base/files';

import type { DirectoryFigures } from '../model/usage.js';
import type { DirectoryReadings } from '../ports.js';

/** The block unit of stat(2), independent of the file system's block size. */
const BLOCK_BYTES = 512;
/**
 * Maximum number of hard-linked inodes to remember; beyond it, each name counts a fraction of the
 * file.
 */
const MAX_LINKED = 100_000;

/**
 * Measures like `du`: allocated blocks, hard-linked files once, one file system only. It walks by
 * descriptors, so depth is unlimited, and a container that swaps directories meanwhile cannot lead
 * it out of the tree.
 */
export function createDirectoryReadings(): DirectoryReadings {
  return {
    measure: async (path, signal) => {
      // The paths of in-memory volumes are links.
      const place = await open(path, O_PATH).catch(absent);
      if (place === undefined) return undefined;
      try {
        const top = await place.stat();
        const sum = new Sum(top);
        if (top.isDirectory()) {
          await walkTree({ fd: place.fd }, sum, { otherMounts: 'skipped', signal });
        }
        return sum.figures();
      } finally {
        await place.close();
      }
    },
  };
}

class Sum {
  readonly #device: number;
  /** Inodes with more than one name that were already counted. */
  readonly #linked = new Set<number>();
  #usedBytes = 0;
  #inodesUsed = 0;

  constructor(top: Stats) {
    this.#device = top.dev;
    this.#count(top);
  }

  figures(): DirectoryFigures {
    return { usedBytes: Math.round(this.#usedBytes), inodesUsed: Math.round(this.#inodesUsed) };
  }

  async visit({ path }: TreeEntry): Promise<'enter' | 'stays' | 'gone'> {
    const found = await lstat(path).catch(absent);
    if (found === undefined) return 'gone';
    if (found.dev !== this.#device) return 'stays';
    this.#count(found);
    return found.isDirectory() ? 'enter' : 'stays';
  }

  leave(): 'stays' {
    return 'stays';
  }

  #count(found: Stats): void {
    let share = 1;
    if (found.nlink > 1 && !found.isDirectory()) {
      if (this.#linked.has(found.ino)) return;
      if (this.#linked.size < MAX_LINKED) this.#linked.add(found.ino);
      else share = 1 / found.nlink;
    }
    this.#usedBytes += found.blocks * BLOCK_BYTES * share;
    this.#inodesUsed += share;
  }
}

function absent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  throw error;
}
