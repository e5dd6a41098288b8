import { runScope } from '@nodeagent/base';
import { aroundRuntime, CriError, type RuntimeMethod } from '@nodeagent/cri-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';

import { completeIdentity, type KubeletIdentity } from '../../src/assembly/model/identity.js';
import type { CriServices, KubeletAdapters } from '../../src/assembly/ports.js';
import { connectRuntime } from '../../src/assembly/run/connect-runtime.js';
import { openPorts } from '../../src/assembly/run/open-ports.js';
import { parseKubeletConfig } from '../../src/config/index.js';
import type { PodRuntime, PodVolumes, RuntimeView } from '../../src/pod/index.js';

export interface OpenedNode {
  readonly runtime: PodRuntime;
  readonly view: RuntimeView;
  readonly volumes: PodVolumes;
  /** Holds the config maps and secrets of pods. */
  readonly api: MemoryKubeClient;
  /** `FailedMount web: MountVolume.SetUp …`, oldest first. */
  readonly events: string[];
  /** Makes the next call of a method fail: without effect, or after it, as when its answer is lost. */
  fail(method: RuntimeMethod, when: 'before' | 'after'): void;
  close(): Promise<void>;
}

export interface NodeToOpen {
  readonly adapters: Omit<KubeletAdapters, 'openRuntime' | 'openApi'>;
  /** A KubeletConfiguration. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly identity: KubeletIdentity;
  readonly cri: CriServices;
  /** One that an earlier kubelet used; a new one when absent. */
  readonly api?: MemoryKubeClient;
}

/** The ports of a kubelet, put together as `createKubelet` does, with an API server in memory. */
export async function openNode(node: NodeToOpen): Promise<OpenedNode> {
  const { api = createMemoryKubeClient({ clock: node.adapters.clock }) } = node;
  const end = new AbortController();
  const faults = new Map<RuntimeMethod, 'before' | 'after'>();
  const events: string[] = [];
  const { config } = parseKubeletConfig({ file: { value: node.config, directory: '/' } });
  const cri = { ...node.cri, runtime: failing(node.cri, faults) };
  const adapters: KubeletAdapters = {
    ...node.adapters,
    openRuntime: () => cri,
    openApi: async () => ({
      client: api,
      reviewer: api,
      bootstrap: undefined,
      rotatesClientCertificate: false,
      check: async () => undefined,
      close: () => undefined,
    }),
  };
  const parts = { config, identity: completeIdentity(node.identity), adapters, cri };
  const opened = await openPorts(
    parts,
    {
      client: api,
      heartbeat: api,
      recorder: {
        record: ({ about, reason, message }) => {
          events.push(`${reason} ${about.name}: ${message}`);
        },
      },
      runtime: await connectRuntime(parts, end.signal),
      providers: undefined,
      began: { bootedAtMs: 0, startedAtMs: 0 },
    },
    end.signal,
  );
  const tasks = runScope(opened.tasks, end.signal);
  return {
    runtime: opened.ports.runtime,
    view: opened.ports.runtimeView,
    volumes: opened.ports.volumes,
    api,
    events,
    fail: (method, when) => void faults.set(method, when),
    close: async () => {
      end.abort(new Error('the test is over'));
      await tasks;
    },
  };
}

function failing(
  { runtime }: CriServices,
  faults: Map<RuntimeMethod, 'before' | 'after'>,
): CriServices['runtime'] {
  return aroundRuntime(runtime, async ({ method }, make) => {
    const when = faults.get(method);
    if (when === undefined) return make();
    faults.delete(method);
    if (when === 'after') await make();
    throw new CriError('CRI_UNAVAILABLE', 'the connection broke', { method });
  });
}
