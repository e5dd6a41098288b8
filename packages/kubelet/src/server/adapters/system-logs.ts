import { type FileHandle, open, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

import { openForeignFile, pathOfDescriptor, PLACE } from '@nodeagent/base/files';

import type { SystemLog, SystemLogs } from '../ports.js';

const BLOCK_BYTES = 64 * 1024;

/**
 * Files and folders below a directory, e.g. `/var/log`. Links are followed as long as they stay
 * below it: pods with a mount of the directory can put any link there.
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
        // opened anew when it is read: nobody may ever do that, and nobody would close it
        return found.isFile() ? { kind: 'file', read: () => readAll(root, target) } : undefined;
      });
    },
  };
}

/** What is at a place below a directory; undefined where there is none, or a link leads out of it. */
async function withPlace<T>(
  root: string,
  target: string,
  use: (place: FileHandle, opened: string) => Promise<T>,
): Promise<T | undefined> {
  if (!isBelow(target, root)) return undefined;
  const place = await open(target, PLACE).catch(ifAbsent);
  if (place === undefined) return undefined;
  try {
    // what was opened, should somebody have put a link in its way meanwhile
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
  // the only link is the descriptor's own name
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
