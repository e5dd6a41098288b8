import type { Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { DirectoryReadings } from '../ports.js';

/** What stat(2) calls a block, whatever the file system's. */
const BLOCK_BYTES = 512;

/** As `du` counts: allocated blocks, files with several names once, no other file systems. */
export function createDirectoryReadings(): DirectoryReadings {
  return {
    measure: async (path, signal) => {
      // Volumes in memory are links to where they are.
      const top = await stat(path).catch(absent);
      if (top === undefined) return undefined;
      const sum = { usedBytes: 0, inodesUsed: 0 };
      /** Inodes with more than one name, which come by again. */
      const linked = new Set<number>();
      const count = (found: Stats): void => {
        if (found.nlink > 1 && !found.isDirectory()) {
          if (linked.has(found.ino)) return;
          linked.add(found.ino);
        }
        sum.usedBytes += found.blocks * BLOCK_BYTES;
        sum.inodesUsed += 1;
      };
      count(top);
      const open = top.isDirectory() ? [path] : [];
      for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
        signal.throwIfAborted();
        for await (const name of namesIn(dir)) {
          const inner = join(dir, name);
          const found = await lstat(inner).catch(absent);
          if (found === undefined || found.dev !== top.dev) continue;
          count(found);
          if (found.isDirectory()) open.push(inner);
        }
      }
      return sum;
    },
  };
}

async function* namesIn(path: string): AsyncGenerator<string> {
  const dir = await opendir(path).catch(absent);
  if (dir === undefined) return;
  for await (const { name } of dir) yield name;
}

function absent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  throw error;
}
