import { homedir } from 'node:os';
import { join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import { dockerConfigEntries, type KeyringEntry } from '../plan/keyring.js';

/** Home directories often contain links. */
const CONFIG = { links: 'followed', limitBytes: 10 * 2 ** 20 } as const;

/**
 * Reads the node's docker configuration where upstream looks for it: `config.json`, then
 * `.dockercfg`, in the kubelet's root directory, the working directory, the home directory and `/`.
 * Read again on each call.
 */
export function createDockerConfigReader(rootDir: string): () => Promise<readonly KeyringEntry[]> {
  const home = homedir();
  const files = [
    ...[rootDir, process.cwd(), join(home, '.docker'), '/.docker'].map((d) =>
      join(d, 'config.json'),
    ),
    ...[rootDir, process.cwd(), home, '/'].map((d) => join(d, '.dockercfg')),
  ];
  return async () => {
    for (const file of files) {
      const text = await readForeignText(file, CONFIG).catch(() => undefined);
      if (text !== undefined) return dockerConfigEntries(text);
    }
    return [];
  };
}
