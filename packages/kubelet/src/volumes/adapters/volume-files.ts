import { chmodSync, existsSync, mkdirSync, type Stats, statSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readlink,
  realpath,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { removeTree } from '@nodeagent/base/files';

import { VolumeError } from '../model/errors.js';
import type { VolumeFiles } from '../ports.js';
import { writePayload } from './atomic-writer.js';
import { AT_ONCE, QUEUED } from './file-calls.js';
import { changeGroup } from './volume-group.js';

/**
 * The requirement of each hostPath type.
 *
 * @see Kubernetes 1.36 pkg/volume/hostpath/host_path.go
 */
const HOST_PATH_TYPES: Readonly<Record<string, readonly [(found: Stats) => boolean, string]>> = {
  Directory: [(found) => found.isDirectory(), 'directory'],
  DirectoryOrCreate: [(found) => found.isDirectory(), 'directory'],
  File: [(found) => found.isFile(), 'file'],
  FileOrCreate: [(found) => found.isFile(), 'file'],
  Socket: [(found) => found.isSocket(), 'socket file'],
  CharDevice: [(found) => found.isCharacterDevice(), 'character device'],
  BlockDevice: [(found) => found.isBlockDevice(), 'block device'],
};

/** Pod volumes as directories of this machine. */
export function createVolumeFiles(): VolumeFiles {
  return {
    makeEmptyDir,
    makeMemoryDir,
    makeRealDir,
    writeLinks,
    mark,
    isMarked,
    changeGroup,
    writePayload: (path, payload, { inMemory, ...owner }) =>
      writePayload(path, payload, { owner, calls: inMemory ? AT_ONCE : QUEUED }),
    checkHostPath,
    realPath,
    removeTree: (path) => removeTree(path),
    subdirectories,
  };
}

async function makeEmptyDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o750 });
  // The umask applies to a mode passed to mkdir. A memory file system already has its mode, with
  // the sticky bit: only a file's owner can delete it there.
  if (((await stat(path)).mode & 0o777) !== 0o777) await chmod(path, 0o777);
}

function makeMemoryDir(base: string, path: string): boolean {
  if (!existsSync(base)) return false;
  mkdirSync(path, { recursive: true, mode: 0o750 });
  // Sticky, like the top of a memory file system: only a file's owner can delete it there.
  if ((statSync(path).mode & 0o777) !== 0o777) chmodSync(path, 0o1777);
  return true;
}

/** Tries to create it first: mostly nothing exists yet, so this takes the fewest calls. */
async function makeRealDir(path: string): Promise<'made' | 'found'> {
  for (;;) {
    try {
      await mkdir(path, { mode: 0o750 });
      return 'made';
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      else if (code !== 'EEXIST') throw error;
      else if ((await lstat(path)).isDirectory()) return 'found';
      else await unlink(path);
    }
  }
}

async function writeLinks(dir: string, links: ReadonlyMap<string, string>): Promise<void> {
  const missing = new Map(links);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    const isRight = entry.isSymbolicLink() && (await readlink(path)) === links.get(entry.name);
    if (isRight) missing.delete(entry.name);
    else await removeTree(path);
  }
  for (const [name, target] of missing) await symlink(target, join(dir, name));
}

async function mark(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await writeFile(path, '', { flag: 'a', mode: 0o640 });
}

async function isMarked(path: string): Promise<boolean> {
  return (await statOrNothing(path)) !== undefined;
}

async function checkHostPath(path: string, type: string): Promise<void> {
  if (type === '') return;
  const wanted = HOST_PATH_TYPES[type];
  if (wanted === undefined) throw refuse(`${path}: unknown type ${type}`);
  const [matches, word] = wanted;
  let found = await statOrNothing(path);
  if (found === undefined && type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
    found = await stat(path);
  }
  if (found === undefined && type === 'FileOrCreate') {
    await writeFile(path, '', { mode: 0o644, flag: 'a' });
    found = await stat(path);
  }
  if (found === undefined || !matches(found)) throw refuse(`${path} is not a ${word}`);
}

function refuse(reason: string): VolumeError {
  return new VolumeError('VOLUME_HOST_PATH', `hostPath type check failed: ${reason}`);
}

async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isMissing(error)) return path;
    throw error;
  }
}

async function subdirectories(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
