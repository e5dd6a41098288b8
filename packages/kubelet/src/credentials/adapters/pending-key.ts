import { createPrivateKey } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import type { PendingKey } from '../ports.js';

const KEY = { links: 'refused', limitBytes: 64 * 1024 } as const;

/**
 * `kubelet-client.key.tmp` in the certificate directory; an unreadable file counts as absent.
 *
 * @see Kubernetes 1.36 pkg/kubelet/certificate/bootstrap/bootstrap.go
 */
export function createPendingKey(directory: string): PendingKey {
  const path = join(directory, 'kubelet-client.key.tmp');
  return {
    read: async () => {
      try {
        const keyPem = await readForeignText(path, KEY);
        if (keyPem !== undefined) createPrivateKey(keyPem);
        return keyPem;
      } catch {
        return undefined; // absent or damaged: a new key serves as well
      }
    },
    write: async (keyPem) => {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      await writeFile(`${path}.new`, keyPem, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
    },
    remove: () => rm(path, { force: true }),
  };
}
