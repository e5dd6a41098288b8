import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { SandboxConfig } from '@nodeagent/cri-client';
import { createCriClient } from '@nodeagent/cri-client/grpc';
import type { Containerd } from '@nodeagent/testbed';

/** The three calls that no kubelet can do without: the limit that pod starts are measured against. */
export interface BarePods {
  start(name: string): Promise<void>;
  removeAll(): Promise<void>;
  close(): void;
}

export async function createBarePods(
  containerd: Containerd,
  image: string,
  command: readonly string[],
): Promise<BarePods> {
  const { runtime, close } = createCriClient({ endpoint: containerd.endpoint });
  const { signal } = new AbortController();
  const logs = join(containerd.space.dir, 'bare-logs');
  await mkdir(logs, { recursive: true });
  return {
    start: async (name) => {
      const logDirectory = join(logs, name);
      await mkdir(logDirectory, { recursive: true });
      const sandbox: SandboxConfig = {
        metadata: { name, uid: `uid-${name}`, namespace: 'bench', attempt: 0 },
        hostname: name,
        logDirectory,
        labels: { 'io.kubernetes.pod.uid': `uid-${name}` },
        linux: { cgroupParent: `/${containerd.space.id}/bare/${name}` },
      };
      const id = await runtime.runPodSandbox({ config: sandbox }, signal);
      const container = await runtime.createContainer(
        {
          sandboxId: id,
          sandboxConfig: sandbox,
          config: {
            metadata: { name: 'app', attempt: 0 },
            image: { image },
            command,
            logPath: 'app.log',
          },
        },
        signal,
      );
      await runtime.startContainer(container, signal);
    },
    removeAll: async () => {
      for (const { id } of await runtime.listPodSandbox({}, signal)) {
        await runtime.stopPodSandbox(id, signal);
        await runtime.removePodSandbox(id, signal);
      }
    },
    close,
  };
}
