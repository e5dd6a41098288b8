import { readdir, readlink, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { removeTree } from '@nodeagent/base/files';

import { parsePodUid, type PodLeftovers, type PodUid } from '../../pod/index.js';

export interface LogDirectoriesOptions {
  /** Contains one directory for each pod, `<namespace>_<name>_<uid>`; other names are not ours. */
  readonly podLogsDir: string;
  /** Contains the links by which log collectors find a container's log. */
  readonly containerLogsDir: string;
}

interface LogDirectory {
  readonly path: string;
  /** Undefined if the name does not end with a valid uid. */
  readonly uid: PodUid | undefined;
}

/** The log directories of pods. A runtime that lost its state leaves them behind. */
export function createLogDirectories(options: LogDirectoriesOptions): PodLeftovers {
  const { podLogsDir, containerLogsDir } = options;
  const directories = async (): Promise<readonly LogDirectory[]> => {
    const entries = await readdir(podLogsDir, { withFileTypes: true }).catch(noneIfMissing);
    return entries.flatMap((entry) => {
      const parts = entry.name.split('_');
      if (!entry.isDirectory() || parts.length !== 3) return [];
      return [{ path: join(podLogsDir, entry.name), uid: parsePodUid(parts[2] ?? '') }];
    });
  };
  const removeEach = async (
    isWanted: (uid: PodUid | undefined) => boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    for (const { path, uid } of await directories()) {
      if (!isWanted(uid)) continue;
      await removeLinksInto(path, containerLogsDir);
      await removeTree(path, { signal });
    }
  };
  return {
    pods: async () => (await directories()).flatMap(({ uid }) => uid ?? []),
    remove: (wanted, signal) => removeEach((uid) => uid === wanted, signal),
    sweep: (signal) => removeEach((uid) => uid === undefined, signal),
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
