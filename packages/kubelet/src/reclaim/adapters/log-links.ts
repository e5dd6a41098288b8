import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { LogLinks } from '../ports.js';

/** @param directory contains the links, beside other files, which stay */
export function createLogLinks(directory: string): LogLinks {
  return {
    dangling: async (signal) => {
      const entries = await readdir(directory, { withFileTypes: true }).catch(noneIfMissing);
      const links = entries.filter((one) => one.isSymbolicLink() && one.name.endsWith('.log'));
      const names: string[] = [];
      for (const { name } of links) {
        signal.throwIfAborted();
        if (!(await leadsToFile(join(directory, name)))) names.push(name);
      }
      return names;
    },
    remove: (name) => rm(join(directory, name), { force: true }),
  };
}

async function leadsToFile(link: string): Promise<boolean> {
  try {
    await stat(link);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return false;
    throw error;
  }
}

function noneIfMissing(error: unknown): [] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}
