import type { Stats } from 'node:fs';
import {
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import type { PathKind, StorageFiles } from '../ports.js';

/** Larger than any file of ours, which contains names and handles of a volume. */
const MAX_BYTES = 1 << 20;

export function createStorageFiles(): StorageFiles {
  return {
    makeDirectory: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o750 });
    },
    makeFile: async (path) => (await open(path, 'a', 0o750)).close(),
    link,
    readText: (path) => readForeignText(path, { links: 'refused', limitBytes: MAX_BYTES }),
    writeText,
    removeText: async (path) => {
      await remove(scratchOf(path));
      await remove(path);
    },
    remove,
    subdirectories: async (path) => {
      const entries = await readdir(path, { withFileTypes: true }).catch(ifMissing);
      return (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    },
    names: async (path) => (await readdir(path).catch(ifMissing)) ?? [],
    kindOf: async (path) => {
      const stats = await lstat(path).catch(ifMissing);
      return stats === undefined ? undefined : kindIn(stats);
    },
    groupOf: async (path) => (await stat(path)).gid,
    realPath: (path) => realpath(path),
  };
}

function kindIn(stats: Stats): PathKind {
  if (stats.isDirectory()) return 'directory';
  if (stats.isFile()) return 'file';
  if (stats.isSymbolicLink()) return 'link';
  return stats.isBlockDevice() ? 'block device' : 'other';
}

/**
 * Removes and creates the link, without a rename: another kubelet would take a temporary name for a
 * volume's.
 */
async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const found = await readlink(path).catch(ifMissing);
  if (found === target) return;
  await remove(path);
  await symlink(target, path);
}

function scratchOf(path: string): string {
  return `${path}.new`;
}

/**
 * Not synced to the disk, which takes longer than a mount: a killed process leaves the old text or the
 * new one. After a power failure nothing is mounted, so an empty file describes nothing that is there.
 */
async function writeText(path: string, text: string): Promise<void> {
  const scratch = scratchOf(path);
  await writeFile(scratch, text, { mode: 0o644 });
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
