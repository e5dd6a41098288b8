import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import type { RotationFiles } from '../ports.js';

/** The machine's own file system. */
export function createRotationFiles(): RotationFiles {
  return {
    sizeBytes: async (path) => (await stat(path).catch(ifAbsent))?.size,
    names: (directory) => readdir(directory),
    remove: (path) => rm(path, { force: true }),
    compress,
    rename,
  };
}

async function compress(path: string, signal: AbortSignal): Promise<void> {
  const found = await stat(path).catch(ifAbsent);
  if (found === undefined) return;
  const { mode, atime, mtime } = found;
  const unfinished = `${path}.gz.tmp`;
  try {
    const target = createWriteStream(unfinished, { mode: mode & 0o777, flush: true });
    await pipeline(createReadStream(path), createGzip(), target, { signal });
    // whoever looks for lines since some time need not open it to know that it has none
    await utimes(unfinished, atime, mtime);
    await rename(unfinished, `${path}.gz`);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await rm(path, { force: true });
}

function ifAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
