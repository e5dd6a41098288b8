import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { createPrometheusMetrics } from '@nodeagent/component-base/process';
import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import { type DevApiServerOptions, startDevApiServer } from '@nodeagent/dev-apiserver';
import { runControllers } from '@nodeagent/dev-apiserver/controllers';
import { type KubeClient, type Node, NODES } from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type Containerd, startContainerd } from '@nodeagent/testbed';

import { createNodeAdapters } from '../../src/adapters/index.js';
import {
  createKubelet,
  type ManifestFiles,
  type NodeApiConnection,
  parseKubeletConfig,
} from '../../src/index.js';
import { MemoryKernelSettings } from '../../src/testing/index.js';

export const NODE_NAME = 'n1';

export interface RunningKubelet {
  /** The newest copy of its own Node that its watch has delivered. */
  node(): Node | undefined;
  readonly log: MemoryLogger;
  /** Ends it without any cleanup, as SIGKILL would. */
  stop(): Promise<void>;
}

export interface KubeletChanges {
  /** Merged over the default configuration. */
  readonly config?: object;
  /** Replaces the disk as the content of `staticPodPath`. */
  readonly manifests?: ManifestFiles;
  /** The client for its API server; null: it has none. */
  readonly client?: KubeClient | null;
}

/**
 * The embedded API server with its controllers, our own containerd, and kubelets in this process.
 */
export interface RealNode {
  readonly containerd: Containerd;
  /** An administrator's client. */
  readonly user: HttpKubeClient;
  /** The test's own client of the runtime. */
  readonly cri: CriClient;
  startKubelet(more?: KubeletChanges): RunningKubelet;
  stop(): Promise<void>;
}

export async function startRealNode(
  name: string,
  options: DevApiServerOptions = {},
): Promise<RealNode> {
  const containerd = await startContainerd({ name, images: ['web', 'busybox'] });
  const server = await startDevApiServer(options);
  const clients: HttpKubeClient[] = [];
  const clientFor = async (user: string, groups: readonly string[]): Promise<HttpKubeClient> => {
    const path = join(containerd.space.dir, `${user.replaceAll(':', '-')}.kubeconfig`);
    await writeFile(path, await server.kubeconfig({ user, groups }));
    const client = createKubeClient(await loadKubeconfig({ path }));
    clients.push(client);
    return client;
  };
  const user = await clientFor('admin', ['system:masters']);
  const node = await clientFor(`system:node:${NODE_NAME}`, ['system:nodes']);
  const end = new AbortController();
  const controllers = runControllers(
    await clientFor('system:kube-controller-manager', ['system:masters']),
    {
      clock: createSystemClock(),
      random: Math.random,
      log: new MemoryLogger(),
      metrics: new MemoryMetrics(),
      rootCaPem: server.caCertificatePem,
    },
    end.signal,
  );
  const cri = createCriClient({ endpoint: containerd.endpoint });
  return {
    containerd,
    user,
    cri,
    startKubelet: (more = {}) => startKubelet({ containerd, client: node }, more),
    async stop() {
      end.abort(new Error('the test is over'));
      await controllers;
      cri.close();
      for (const client of clients) client.close();
      await server.stop();
      await containerd.stop();
    },
  };
}

interface Parts {
  readonly containerd: Containerd;
  readonly client: HttpKubeClient;
}

function startKubelet({ containerd, client }: Parts, more: KubeletChanges): RunningKubelet {
  const clock = createSystemClock();
  const log = new MemoryLogger();
  const end = new AbortController();
  const { dir, network } = containerd.space;
  const file = {
    directory: dir,
    value: {
      containerRuntimeEndpoint: containerd.endpoint,
      podLogsDir: join(dir, 'logs/pods'),
      clusterDomain: 'cluster.local',
      resolvConf: '',
      serializeImagePulls: false,
      registryPullQPS: 0,
      // other processes share the machine's cgroups with this one
      cgroupsPerQOS: false,
      enforceNodeAllocatable: [],
      failCgroupV1: false,
      failSwapOn: false,
      // a full disk of the machine is not what most tests are about
      evictionHard: { 'memory.available': '100Mi' },
      imageGCHighThresholdPercent: 100,
      enableServer: false,
      healthzPort: 0,
      ...more.config,
    },
  };
  const identity = {
    nodeName: NODE_NAME,
    nodeIps: [network.nodeIp],
    rootDir: join(dir, 'kubelet'),
  };
  const { manifests } = more;
  let seen: Node | undefined;
  const api = more.client === undefined ? client : more.client;
  const noticing = api && watchingNodes(api, (node) => (seen = node));
  const { config } = parseKubeletConfig({ file });
  const run = (async () => {
    const metrics = createPrometheusMetrics();
    const node = await createNodeAdapters(config, identity, { metrics, clock, log });
    const kubelet = createKubelet(config, identity, {
      ...node,
      ...{ metrics, clock, log },
      files: { ...node.files, ...(manifests && { manifests: () => manifests }) },
      random: Math.random,
      probeMetrics: createPrometheusMetrics(),
      // the tested container must not be the last one that the kernel kills
      adjustOomScore: async () => undefined,
      limitOpenFiles: async () => undefined,
      // the machine's settings and rules are not the test's to change
      kernelSettings: new MemoryKernelSettings(),
      filter: undefined,
      openRuntime: () => createCriClient({ endpoint: containerd.endpoint }),
      openApi: noticing === null ? undefined : async () => connectionTo(noticing),
    });
    await kubelet.run(end.signal);
  })();
  run.catch((err: unknown) => log.error({ err }, 'the kubelet ended'));
  return {
    log,
    node: () => seen,
    async stop() {
      end.abort(new Error('the kubelet is stopped'));
      await run;
    },
  };
}

function connectionTo(client: KubeClient): NodeApiConnection {
  return {
    client,
    reviewer: client,
    bootstrap: undefined,
    rotatesClientCertificate: false,
    check: async () => undefined,
    close: () => undefined,
  };
}

/** The same client; reports each Node of a watch after its reader has received it. */
function watchingNodes(client: KubeClient, onNode: (node: Node) => void): KubeClient {
  return {
    get: (resource, name, end) => client.get(resource, name, end),
    list: (resource, options, end) => client.list(resource, options, end),
    watch: async function* (resource, options, end) {
      for await (const event of client.watch(resource, options, end)) {
        yield event;
        if (resource.plural === NODES.plural && event.type === 'modified') {
          onNode(event.object as Node);
        }
      }
    },
    create: (resource, object, end) => client.create(resource, object, end),
    replace: (resource, object, options, end) => client.replace(resource, object, options, end),
    patch: (resource, name, patch, end) => client.patch(resource, name, patch, end),
    delete: (resource, name, options, end) => client.delete(resource, name, options, end),
    createSubresource: (target, body, end) => client.createSubresource(target, body, end),
  };
}
