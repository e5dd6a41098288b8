import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '../model/errors.js';
import type { Sysctl } from '../ports.js';

/** Kernel settings as files; keys that begin with `/` are whole paths. */
export function createProcSysctl(root = '/proc/sys'): Sysctl {
  const pathOf = (key: string): string => (key.startsWith('/') ? key : join(root, key));
  return {
    read: async (key) => {
      try {
        return (await readFile(pathOf(key), 'utf8')).trim();
      } catch (cause) {
        throw failed('read', pathOf(key), cause);
      }
    },
    write: async (key, value) => {
      try {
        await writeFile(pathOf(key), value);
      } catch (cause) {
        throw failed(`set to ${value}`, pathOf(key), cause);
      }
    },
  };
}

function failed(what: string, path: string, cause: unknown): ProxyError {
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'this kernel has no such setting' : (cause as Error).message;
  return new ProxyError('PROXY_SYSCTL', `${path} cannot be ${what}: ${why}`, { cause });
}
