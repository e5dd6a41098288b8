import { mkdir, open, readdir, rename, rmdir, unlink } from 'node:fs/promises';

import { readForeignText } from '@nodeagent/base/files';

import type { StorageFiles } from '../ports.js';

/** Larger than any file of ours: names and handles of a volume. */
const MAX_BYTES = 1 << 20;

export function createStorageFiles(): StorageFiles {
  return {
    makeDirectory: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o750 });
    },
    readText: (path) => readForeignText(path, { links: 'refused', limitBytes: MAX_BYTES }),
    writeText,
    remove,
    subdirectories: async (path) => {
      const entries = await readdir(path, { withFileTypes: true }).catch(ifMissing);
      return (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    },
  };
}

async function writeText(path: string, text: string): Promise<void> {
  const scratch = `${path}.new`;
  const file = await open(scratch, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(scratch, path);
}

async function remove(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'ENOTDIR') throw error;
    await unlink(path);
  }
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
