import { readdir, readlink, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import type { PodLeftovers } from '../ports.js';

export interface LogDirectoriesOptions {
  /** Holds one directory for each pod, `<namespace>_<name>_<uid>`; other names are not ours. */
  readonly podLogsDir: string;
  /** Holds the links under which log collectors find a container's log. */
  readonly containerLogsDir: string;
}

/** The directories of pods' logs: a runtime that lost its state leaves them behind. */
export function createLogDirectories(options: LogDirectoriesOptions): PodLeftovers {
  const { podLogsDir, containerLogsDir } = options;
  const directories = async (): Promise<readonly (readonly [uid: string, path: string])[]> => {
    const entries = await readdir(podLogsDir, { withFileTypes: true }).catch(noneIfMissing);
    return entries.flatMap((entry) => {
      const parts = entry.name.split('_');
      const uid = parts[2] ?? '';
      const isOurs = entry.isDirectory() && parts.length === 3 && uid !== '';
      return isOurs ? [[uid, join(podLogsDir, entry.name)] as const] : [];
    });
  };
  return {
    pods: async () => (await directories()).map(([uid]) => uid),
    remove: async (wanted) => {
      for (const [uid, path] of await directories()) {
        if (uid !== wanted) continue;
        await removeLinksInto(path, containerLogsDir);
        await rm(path, { recursive: true, force: true });
      }
    },
  };
}

async function removeLinksInto(directory: string, linksDir: string): Promise<void> {
  const entries = await readdir(linksDir, { withFileTypes: true }).catch(noneIfMissing);
  for (const entry of entries) {
    if (!entry.isSymbolicLink()) continue;
    const link = join(linksDir, entry.name);
    const target = resolve(dirname(link), await readlink(link));
    if (target.startsWith(`${directory}/`)) await rm(link, { force: true });
  }
}

function noneIfMissing(error: unknown): [] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}
