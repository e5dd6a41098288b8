import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import type { ShutdownStateFile } from '../ports.js';

const NAME = 'graceful_node_shutdown_state';
const MOST_BYTES = 4096;

/** @param rootDir the kubelet's root directory */
export function createShutdownStateFile(rootDir: string): ShutdownStateFile {
  const path = join(rootDir, NAME);
  const draft = join(rootDir, `.tmp-${NAME}`);
  return {
    read: () => readForeignText(path, { links: 'refused', limitBytes: MOST_BYTES }),
    write: async (content) => {
      const file = await open(draft, 'w', 0o644);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
    },
  };
}
