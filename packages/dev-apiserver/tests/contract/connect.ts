import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

import { type DevApiServerOptions, startDevApiServer } from '../../src/index.js';

export interface Connected {
  readonly client: HttpKubeClient;
  readonly rootCaPem: string;
  readonly close: () => Promise<void>;
}

/** Starts a server on a free port, and an administrator's client through a kubeconfig file. */
export async function startAndConnect(options: DevApiServerOptions = {}): Promise<Connected> {
  const server = await startDevApiServer(options);
  const folder = await mkdtemp(join(tmpdir(), 'dev-apiserver-'));
  const path = join(folder, 'kubeconfig');
  await writeFile(path, await server.kubeconfig({ user: 'admin', groups: ['system:masters'] }));
  const client = createKubeClient(await loadKubeconfig({ path }));
  return {
    client,
    rootCaPem: server.caCertificatePem,
    close: async () => {
      client.close();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}
