import { constants, type Stats } from 'node:fs';
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  realpath,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import {
  isFileError,
  O_PATH,
  pathOfDescriptor,
  PLACE as HERE,
  readForeignText,
} from '@nodeagent/base/files';

import { VolumeError } from '../model/errors.js';
import type { Mounter, SubPathRequest, SubPaths } from '../ports.js';

/** Binds paths within volumes. Links in them cannot lead out of the volume. */
export function createSubPaths(mounter: Mounter): SubPaths {
  return { bind: (request, signal) => bindSubPath(request, mounter, signal), read: readSubPath };
}

/** Limit on a file that is read on a pod's behalf. */
const MAX_READ_BYTES = 2 ** 20;
/** The only link followed is the descriptor's own name. */
const OPENED = { links: 'followed', limitBytes: MAX_READ_BYTES } as const;

async function readSubPath({
  volumeDir,
  subPath,
}: Pick<SubPathRequest, 'volumeDir' | 'subPath'>): Promise<string> {
  const parts = partsOf(subPath);
  const root = await realpath(volumeDir);
  const { count } = await longestExisting(root, parts);
  if (count < parts.length) throw new VolumeError('VOLUME_IO', `${subPath}: no such file`);
  const place = await openOrMake(root, parts);
  try {
    return (await readForeignText(pathOfDescriptor(place.fd), OPENED)) ?? '';
  } catch (cause) {
    if (isFileError(cause, 'FILE_KIND')) {
      throw new VolumeError('VOLUME_SUB_PATH', `${subPath} is not a file`, { cause });
    }
    if (!isFileError(cause, 'FILE_TOO_LARGE')) throw cause;
    const text = `${subPath} is larger than ${MAX_READ_BYTES} bytes`;
    throw new VolumeError('VOLUME_IO', text, { cause });
  } finally {
    await place.close();
  }
}

/** @throws {VolumeError} `VOLUME_SUB_PATH` for a path that leaves the volume by itself */
function partsOf(subPath: string): readonly string[] {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  if (!subPath.startsWith('/') && !parts.includes('..')) return parts;
  throw new VolumeError('VOLUME_SUB_PATH', `subPath ${subPath} must be relative, without '..'`);
}

/**
 * Links may point from one place of the volume to another, as those of configMap volumes do. They
 * are resolved first, while a container may still change them. The result is then walked component
 * by component, each opened from its parent's descriptor without following links, and the mount
 * starts from the last descriptor. A link that a container creates meanwhile is therefore detected
 * and never followed.
 *
 * @see Kubernetes 1.36 pkg/volume/util/subpath/subpath_linux.go
 */
async function bindSubPath(
  { volumeDir, subPath, target }: SubPathRequest,
  mounter: Mounter,
  signal: AbortSignal,
): Promise<void> {
  const parts = partsOf(subPath);
  const root = await realpath(volumeDir);
  const place = await openOrMake(root, parts);
  try {
    const found = await place.stat();
    const before = await orMissing(stat(target));
    if (before?.dev === found.dev && before.ino === found.ino) return;
    if (before !== undefined) {
      await mounter.unmount(target, signal);
      // Now the mount is gone; a directory with content would make rmdir fail.
      await ((await lstat(target)).isDirectory() ? rmdir(target) : unlink(target));
    }
    await makeTarget(target, found.isDirectory());
    await mounter.bind(`/proc/${process.pid}/fd/${place.fd}`, target, signal);
  } finally {
    await place.close();
  }
}

/** Missing components are created as directories with the volume's own permissions. */
async function openOrMake(root: string, parts: readonly string[]): Promise<FileHandle> {
  const { existing, count } = await longestExisting(root, parts);
  const inside = relative(root, existing);
  if (inside.split('/')[0] === '..') {
    const text = `subPath ${parts.join('/')} leads out of its volume, to ${existing}`;
    throw new VolumeError('VOLUME_SUB_PATH', text);
  }
  const { mode } = await stat(root);
  let place = await open(root, O_PATH | constants.O_DIRECTORY);
  const step = async (part: string, enter: (path: string) => Promise<FileHandle>) => {
    const parent = place;
    try {
      place = await enter(`/proc/self/fd/${parent.fd}/${part}`);
    } finally {
      await parent.close();
    }
    let isKept = false;
    try {
      isKept = !(await place.stat()).isSymbolicLink();
    } finally {
      if (!isKept) await place.close();
    }
    if (isKept) return;
    throw new VolumeError('VOLUME_SUB_PATH', `unexpected symlink found ${part} below ${root}`);
  };
  for (const part of inside.split('/').filter(Boolean)) {
    await step(part, (path) => open(path, HERE));
  }
  for (const part of parts.slice(count)) {
    await step(part, (path) => makeDirectory(path, mode & 0o7777));
  }
  return place;
}

/** @returns the number of existing parts, and their real path */
async function longestExisting(
  root: string,
  parts: readonly string[],
): Promise<Readonly<{ existing: string; count: number }>> {
  for (let count = parts.length; ; count -= 1) {
    const existing = await orMissing(realpath(join(root, ...parts.slice(0, count))));
    if (existing !== undefined) return { existing, count };
    if (count === 0) throw new VolumeError('VOLUME_SUB_PATH', `${root} is gone`);
  }
}

/** Two containers may create the same directory at the same time. */
async function makeDirectory(path: string, mode: number): Promise<FileHandle> {
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return open(path, HERE);
  }
  const made = await open(path, HERE);
  try {
    // Through the descriptor: whatever has this name now, only the opened directory is changed.
    if ((await made.stat()).isDirectory()) await chmod(`/proc/self/fd/${made.fd}`, mode);
    return made;
  } catch (error) {
    // Node.js ends the process if a handle is leaked; chmod fails on some file systems.
    await made.close();
    throw error;
  }
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 });
  if (!isDirectory) await writeFile(target, '', { mode: 0o640, flag: 'a' });
}

async function orMissing<T extends Stats | string>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
