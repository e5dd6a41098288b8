import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { describe, expect, it } from 'vitest';

import { kubeconfigApi } from '../../../src/assembly/run/index.js';
import { parseKubeletConfig } from '../../../src/config/index.js';
import type { ConnectOptions } from '../../../src/credentials/ports.js';
import { createMemoryNode } from '../../../src/testing/index.js';

describe(kubeconfigApi, () => {
  it('reports events and the node by clients of their own, and closes all', async () => {
    const clock = new ManualClock();
    const made: { readonly options: ConnectOptions; isClosed: boolean }[] = [];
    const missing = (): Promise<never> => Promise.reject(new Error('not needed'));
    const open = kubeconfigApi({
      ...{ clock, kubeconfig: '/etc/node.conf', bootstrapKubeconfig: undefined, nodeName: 'n1' },
      ...{ random: () => 0.5, log: new MemoryLogger(), currentPath: '/pki/current.pem' },
      config: parseKubeletConfig({
        flags: { eventRecordQPS: 3, eventBurst: 4, nodeLeaseDurationSeconds: 8 },
      }).config,
      certificates: createMemoryNode({ clock }).adapters.certificates,
      pendingKey: { read: missing, write: missing, remove: missing },
      kubeconfigs: {
        ...{ write: missing, contentOf: missing, exists: async () => true },
        load: async (source) => ({ server: 'https://10.0.0.1', source, user: {} }),
        connect: (_, options) => {
          const one = { options, isClosed: false };
          made.push(one);
          const close = (): void => {
            one.isClosed = true;
          };
          return Object.assign(createMemoryKubeClient({ clock }), { close });
        },
      },
    });
    const api = await open(new AbortController().signal);
    expect(new Set([api.client, api.reviewer, api.events, api.heartbeat]).size).toBe(4);
    expect(made.map(({ options }) => options)).toEqual([
      { rateLimit: { perSecond: 50, burst: 100 } },
      { rateLimit: { perSecond: 50, burst: 100 }, requestTimeoutMs: 10_000 },
      { rateLimit: { perSecond: 3, burst: 4 } },
      { requestTimeoutMs: 8000 },
    ]);
    api.close();
    expect(made.every(({ isClosed }) => isClosed)).toBe(true);
  });
});
