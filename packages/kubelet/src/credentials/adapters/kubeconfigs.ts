import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { Logger, Metrics } from '@nodeagent/base';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

import type { Kubeconfigs } from '../ports.js';

/** Facts that connections to an API server report about this program. */
export interface KubeconfigsOptions {
  /** User agent for the API server's logs: `kubelet/v1.36.0 (linux/x64) nodeagent`. */
  readonly userAgent: string;
  readonly metrics: Metrics;
  /** Receives a debug line for each request. */
  readonly log?: Logger | undefined;
}

/** Kubeconfig files on this machine, and clients over HTTP. */
export function createKubeconfigs({ userAgent, metrics, log }: KubeconfigsOptions): Kubeconfigs {
  return {
    load: (path) => loadKubeconfig({ path }),
    write: async (path, text) => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
    },
    exists: (path) =>
      access(path).then(
        () => true,
        (error: unknown) => {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
          throw error;
        },
      ),
    contentOf: (material) =>
      material.kind === 'inline' ? Promise.resolve(material.text) : readFile(material.path, 'utf8'),
    connect: (connection, { rateLimit, requestTimeoutMs }) =>
      createKubeClient(connection, {
        ...{ rateLimit, requestTimeoutMs, userAgent, metrics },
        ...(log !== undefined && { log }),
      }),
  };
}
