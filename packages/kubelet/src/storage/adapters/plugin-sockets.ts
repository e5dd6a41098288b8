import type { Stats } from 'node:fs';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { createCsiClient, createRegistrationClient } from '@nodeagent/csi/client';

import type { PluginSocket, PluginSockets } from '../ports.js';

/** Sockets are searched to this depth below the directory. */
const MAX_DEPTH = 3;

/** @param dir `<root>/plugins_registry` */
export function createPluginSockets(dir: string): PluginSockets {
  return {
    list: async () => {
      const found = await socketsBelow(dir, MAX_DEPTH).catch(ifGone);
      if (found === undefined) await mkdir(dir, { recursive: true, mode: 0o755 });
      return found ?? [];
    },
    openRegistration: (socketPath) => createRegistrationClient({ socketPath }),
    openDriver: (socketPath) => createCsiClient({ socketPath }),
  };
}

async function socketsBelow(dir: string, depth: number): Promise<readonly PluginSocket[]> {
  const names = await readdir(dir);
  const found = await Promise.all(
    names
      .filter((name) => !name.startsWith('.'))
      .map(async (name) => {
        const path = join(dir, name);
        const stats = await lstat(path).catch(ifGone);
        const isBelow = stats?.isDirectory() === true && depth > 0;
        if (isBelow) return (await socketsBelow(path, depth - 1).catch(ifGone)) ?? [];
        return stats?.isSocket() === true ? [{ path, identity: identityOf(stats) }] : [];
      }),
  );
  return found.flat();
}

/** The inode alone is not enough: a new socket of the same name may reuse it at once. */
function identityOf({ ino, ctimeMs }: Stats): string {
  return `${ino}/${ctimeMs}`;
}

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}
