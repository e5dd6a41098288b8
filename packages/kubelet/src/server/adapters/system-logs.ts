import { type FileHandle, open, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

import { openForeignFile, pathOfDescriptor, PLACE } from '@nodeagent/base/files';

import type { SystemLog, SystemLogs } from '../ports.js';

const BLOCK_BYTES = 64 * 1024;

/**
 * Files and directories below a directory, e.g. `/var/log`. Links are followed only within it: a
 * pod that mounts the directory can create any link there.
 */
export function createSystemLogs(directory: string): SystemLogs {
  return {
    find: async (path) => {
      if (path.includes('\0')) return undefined;
      const root = await realpath(directory);
      const target = await realpath(join(root, path)).catch(ifAbsent);
      if (target === undefined) return undefined;
      return withPlace(root, target, async (place, opened) => {
        const found = await place.stat();
        if (found.isDirectory()) return listing(opened);
        // Opened again when it is read: if no one reads it, no one would close it.
        return found.isFile() ? { kind: 'file', read: () => readAll(root, target) } : undefined;
      });
    },
  };
}

/**
 * Opens a path below a directory; undefined if it does not exist or a link leads out of the
 * directory.
 */
async function withPlace<T>(
  root: string,
  target: string,
  use: (place: FileHandle, opened: string) => Promise<T>,
): Promise<T | undefined> {
  if (!isBelow(target, root)) return undefined;
  const place = await open(target, PLACE).catch(ifAbsent);
  if (place === undefined) return undefined;
  try {
    // Check the opened file itself, in case someone placed a link in its path meanwhile.
    const opened = await realpath(pathOfDescriptor(place.fd));
    return isBelow(opened, root) ? await use(place, opened) : undefined;
  } finally {
    await place.close();
  }
}

async function listing(directory: string): Promise<SystemLog> {
  const entries = await readdir(directory, { withFileTypes: true });
  return {
    kind: 'directory',
    entries: entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() })),
  };
}

async function* readAll(root: string, target: string): AsyncGenerator<Uint8Array> {
  // The only link here is the descriptor's own name.
  const handle = await withPlace(root, target, (place) =>
    openForeignFile(pathOfDescriptor(place.fd), { links: 'followed' }),
  );
  if (handle === undefined) throw new Error('the file is gone');
  const stream = handle.createReadStream({ highWaterMark: BLOCK_BYTES });
  yield* stream as AsyncIterable<Buffer>;
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

function ifAbsent(error: unknown): undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ENXIO', 'EACCES'].includes(code)) {
    return undefined;
  }
  throw error;
}
