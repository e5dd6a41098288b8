import { createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { openForeignFile } from '@nodeagent/base/files';

import type { RotationFiles } from '../ports.js';

/** Log rotation on the machine's own file system. */
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
  // With cri-dockerd, a log is a link to Docker's own log.
  const source = await openForeignFile(path, { links: 'followed' }).catch(ifAbsent);
  if (source === undefined) return;
  const unfinished = `${path}.gz.tmp`;
  try {
    const { mode, atime, mtime } = await source.stat();
    // Start with a new file: a link of this name would redirect our writes.
    await rm(unfinished, { force: true });
    const how = { flags: 'wx', mode: mode & 0o777, flush: true } as const;
    const target = createWriteStream(unfinished, how);
    await pipeline(source.createReadStream(), createGzip(), target, { signal });
    // A reader of recent lines can skip this file by its time, without opening it.
    await utimes(unfinished, atime, mtime);
    await rename(unfinished, `${path}.gz`);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await source.close();
  }
  await rm(path, { force: true });
}

function ifAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
