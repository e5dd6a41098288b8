import { watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { trimEndOf } from '@nodeagent/base';
import { isFileError, readForeignText } from '@nodeagent/base/files';

import { ManifestError, type ManifestFiles, type ManifestListing } from '../../pod/index.js';
import { MANIFEST_LIMIT_BYTES } from '../codec/manifest.js';

/** The path of static pod manifests on this machine; watched by inotify. */
export function createManifestFiles(given: string): ManifestFiles {
  const path = given.length > 1 ? trimEndOf(given, '/') : given;
  return {
    list: () => list(path),
    read,
    watch: (onChange, signal) => follow(path, onChange, signal),
  };
}

async function list(path: string): Promise<ManifestListing> {
  if (!(await isDirectory(path))) {
    return (await exists(path)) ? { kind: 'file', path } : { kind: 'missing' };
  }
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const paths = names.map((name) => join(path, name));
  const kinds = await Promise.all(paths.map((each) => isDirectory(each)));
  return { kind: 'directory', paths: paths.filter((_, i) => kinds[i] === false) };
}

/** Tools that manage manifests may store them elsewhere and link to them. */
const MANIFEST = { links: 'followed', limitBytes: MANIFEST_LIMIT_BYTES } as const;

async function read(path: string): Promise<string | undefined> {
  try {
    return await readForeignText(path, MANIFEST);
  } catch (cause) {
    if (isFileError(cause, 'FILE_KIND'))
      throw new ManifestError('is not a regular file', { cause });
    if (!isFileError(cause, 'FILE_TOO_LARGE')) throw cause;
    throw new ManifestError('is larger than 10 MiB', { cause });
  }
}

/**
 * Watches a file through its directory, because most programs replace the file when they change it.
 */
async function follow(
  path: string,
  onChange: (path: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const isFolder = await isDirectory(path);
  const folder = isFolder ? path : dirname(path);
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(folder, { signal });
    watcher.on('change', (_, name) => {
      if (typeof name !== 'string' || name.startsWith('.')) return;
      if (isFolder || name === basename(path)) onChange(join(folder, name));
      // The removal of the watched directory looks like this. For a file of the same name inside
      // it, the watch is merely renewed.
      if (name === basename(folder)) watcher.close();
    });
    watcher.once('close', resolve);
    watcher.once('error', reject);
  });
}

async function exists(path: string): Promise<boolean> {
  return (await statOrNothing(path)) !== undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await statOrNothing(path))?.isDirectory() === true;
}

async function statOrNothing(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
