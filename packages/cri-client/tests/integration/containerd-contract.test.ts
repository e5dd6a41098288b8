import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startContainerd, waitFor } from '@nodeagent/testbed';

import { createCriClient } from '../../src/adapters/grpc.js';
import { runtimeContract } from '../contract/runtime-contract.js';

runtimeContract('containerd over gRPC', async () => {
  const containerd = await startContainerd({ name: 'cri-contract', images: ['busybox'] });
  const client = createCriClient({ endpoint: containerd.endpoint });
  return {
    ...client,
    image: 'nodeagent.test/busybox:1',
    logDirectory: (podName) => join(containerd.space.dir, 'logs', podName),
    listens: (logPath) => {
      const look = async () => (await readFile(logPath, 'utf8')).includes('listens');
      return waitFor(look, { what: 'the program to listen' });
    },
    killSandbox: async (id) => {
      const { info = '{}' } = await client.runtime.podSandboxInfo(id, new AbortController().signal);
      process.kill((JSON.parse(info) as { pid: number }).pid, 'SIGKILL');
    },
    close: async () => {
      client.close();
      await containerd.stop();
    },
  };
});
