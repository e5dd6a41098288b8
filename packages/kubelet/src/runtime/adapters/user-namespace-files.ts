import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { readForeignText } from '@nodeagent/base/files';

import { parsePodUid, type PodUid } from '../../pod/index.js';
import type { UserNamespaceFiles } from '../ports.js';

const RECORD = { links: 'refused', limitBytes: 64 * 1024 } as const;

/** `<root>/pods/<uid>/userns` */
export function createUserNamespaceFiles(rootDir: string): UserNamespaceFiles {
  const pathOf = (uid: PodUid): string => join(rootDir, 'pods', uid, 'userns');
  return {
    path: pathOf,
    pods: async () => {
      const names = await readdir(join(rootDir, 'pods')).catch(absent<string[]>([]));
      return names.flatMap((name) => parsePodUid(name) ?? []);
    },
    read: (uid) => readForeignText(pathOf(uid), RECORD).catch(absent(undefined)),
    write: (uid, text) => writeDurably(pathOf(uid), text),
  };
}

/** Writes a file atomically and durably: even after a crash, readers see the whole text or none. */
async function writeDurably(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isAbsent(error)) return value;
    throw error;
  };
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The administrator's file; a link on some systems. */
const PASSWD = { links: 'followed', limitBytes: 64 * 2 ** 20 } as const;

/**
 * The output of `getsubids` for the user `kubelet`.
 *
 * @returns undefined if there is no such user or no such program; then the whole range may be used
 */
export async function readSubIds(
  passwdFile = '/etc/passwd',
): Promise<Readonly<{ uids: string; gids: string }> | undefined> {
  const users = (await readForeignText(passwdFile, PASSWD)) ?? '';
  if (!/^kubelet:/m.test(users)) return undefined;
  const ask = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)('getsubids', [...args])).stdout;
  try {
    const [uids, gids] = await Promise.all([ask('kubelet'), ask('-g', 'kubelet')]);
    return { uids, gids };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
