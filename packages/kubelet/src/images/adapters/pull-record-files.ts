import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import type { PullRecordFiles } from '../ports.js';

const PREFIX = 'sha256-';
const TEMPORARY = '.tmp';
const RECORD = { links: 'refused', limitBytes: 2 ** 20 } as const;

/**
 * Files at `<root>/image_manager/{pulling,pulled}/sha256-<hash of the name>`, upstream's layout.
 */
export function createPullRecordFiles(rootDir: string): PullRecordFiles {
  const folderOf = (kind: string): string => join(rootDir, 'image_manager', kind);
  const pathOf = (kind: string, name: string): string =>
    join(folderOf(kind), PREFIX + createHash('sha256').update(name).digest('hex'));
  const namesIn = async (kind: string): Promise<readonly string[]> => {
    const names = await readdir(folderOf(kind)).catch(absent<string[]>([]));
    return names.filter((name) => name.startsWith(PREFIX) && !name.endsWith(TEMPORARY));
  };
  return {
    read: (kind, name) => readForeignText(pathOf(kind, name), RECORD),
    write: async (kind, name, text) => {
      await mkdir(folderOf(kind), { recursive: true, mode: 0o700 });
      const path = pathOf(kind, name);
      try {
        await writeFile(path + TEMPORARY, text, { mode: 0o600 });
        await rename(path + TEMPORARY, path);
      } catch (error) {
        await rm(path + TEMPORARY, { force: true });
        throw error;
      }
    },
    remove: (kind, name) => rm(pathOf(kind, name), { force: true }),
    texts: async (kind) => {
      const own = await namesIn(kind);
      const texts = await Promise.all(
        own.map((name) => readForeignText(join(folderOf(kind), name), RECORD)),
      );
      return texts.flatMap((text) => text ?? []);
    },
    count: async (kind) => (await namesIn(kind)).length,
  };
}

function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value;
    throw error;
  };
}
