import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import type { ResourceRecordFile } from '../ports.js';

/** `<root>/allocated_pods_state` or `<root>/actuated_pods_state`. */
export function createResourceRecordFile(
  rootDir: string,
  name: 'allocated_pods_state' | 'actuated_pods_state',
): ResourceRecordFile {
  const path = join(rootDir, name);
  return {
    path,
    read: () =>
      readFile(path, 'utf8').catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }),
    write: async (text, until) => {
      const file = await open(`${path}.tmp`, 'w', 0o600);
      try {
        await file.writeFile(text);
        if (until === 'safe') await file.datasync();
      } finally {
        await file.close();
      }
      await rename(`${path}.tmp`, path);
    },
  };
}
