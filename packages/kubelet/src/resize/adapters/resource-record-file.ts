import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import type { ResourceRecordFile } from '../../pod/index.js';

/** Large enough for thousands of pods with all their containers. */
const RECORD = { links: 'refused', limitBytes: 64 * 2 ** 20 } as const;

/** `<root>/allocated_pods_state` or `<root>/actuated_pods_state`. */
export function createResourceRecordFile(
  rootDir: string,
  name: 'allocated_pods_state' | 'actuated_pods_state',
): ResourceRecordFile {
  const path = join(rootDir, name);
  return {
    path,
    read: () => readForeignText(path, RECORD),
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
