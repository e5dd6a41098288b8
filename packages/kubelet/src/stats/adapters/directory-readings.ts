import type { Stats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';

import { O_PATH, type TreeEntry, walkTree } from '@nodeagent/base/files';

import type { DirectoryFigures } from '../model/usage.js';
import type { DirectoryReadings } from '../ports.js';

/** What stat(2) calls a block, whatever the file system's. */
const BLOCK_BYTES = 512;
/** Files with several names that are told apart; of any more, each name counts its share. */
const MAX_LINKED = 100_000;

/**
 * As `du` counts: allocated blocks, files with several names once, no other file systems. The tree is
 * walked by descriptors, so its depth does not matter, and what a container exchanges meanwhile does
 * not lead out of it.
 */
export function createDirectoryReadings(): DirectoryReadings {
  return {
    measure: async (path, signal) => {
      // Volumes in memory are links to where they are.
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
  /** Inodes with more than one name, which come by again. */
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
