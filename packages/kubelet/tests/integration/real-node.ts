import { mkdir, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';

import { runScope } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { type CriClient, createCriClient } from '@nodeagent/cri-client/grpc';
import {
  type DevApiServer,
  type DevApiServerOptions,
  startDevApiServer,
} from '@nodeagent/dev-apiserver';
import { runControllers } from '@nodeagent/dev-apiserver/controllers';
import { type Node, QueuedEventRecorder } from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { withNodeDefaults } from '@nodeagent/node-status';
import { createProcFacts } from '@nodeagent/node-status/proc';
import { createGrpcProber } from '@nodeagent/probes/grpc';
import { createHttpProber } from '@nodeagent/probes/http';
import { createTcpProber } from '@nodeagent/probes/tcp';
import { type Containerd, startContainerd } from '@nodeagent/testbed';

import {
  callHook,
  createLogDirectories,
  createMounter,
  createPodFiles,
  createSubPaths,
  createVolumeFiles,
} from '../../src/adapters/index.js';
import {
  createObjectWatches,
  createPullCredentials,
  createTokenCache,
} from '../../src/credentials/index.js';
import {
  createNodeEvents,
  createPodEvents,
  hostIpsOf,
  type KubeletPorts,
  type KubeletSettings,
  OwnNode,
  runKubelet,
} from '../../src/index.js';
import {
  createFieldReader,
  createPodRuntime,
  createRuntimeWatch,
  type NodeFacts,
} from '../../src/runtime/index.js';
import { createContainerVolumes, createPodVolumes } from '../../src/volumes/index.js';

export const NODE_NAME = 'n1';

export interface RunningKubelet {
  /** What it knows of its own node. */
  node(): Node | undefined;
  readonly log: MemoryLogger;
  /** Ends it as SIGKILL would: nothing is said to anybody. */
  stop(): Promise<void>;
}

export interface KubeletChanges {
  readonly ports?: Partial<KubeletPorts>;
  readonly settings?: Partial<KubeletSettings>;
}

/** The embedded API server with its controllers, a containerd of our own, and kubelets in this process. */
export interface RealNode {
  readonly containerd: Containerd;
  /** An administrator's. */
  readonly user: HttpKubeClient;
  /** Beside the kubelet, to look for ourselves. */
  readonly cri: CriClient;
  /** @param more laid over what it would be started with */
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
  await mkdir(join(containerd.space.dir, 'logs/pods'), { recursive: true });
  await mkdir(join(containerd.space.dir, 'logs/containers'), { recursive: true });
  return {
    containerd,
    user,
    cri,
    startKubelet: (more = {}) => startKubelet({ containerd, client: node, server }, more),
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
  readonly server: DevApiServer;
}

function startKubelet({ containerd, client }: Parts, more: KubeletChanges): RunningKubelet {
  const clock = createSystemClock();
  const random = Math.random;
  const log = new MemoryLogger();
  const end = new AbortController();
  const { runtime: cri, images, close } = createCriClient({ endpoint: containerd.endpoint });
  const recorder = new QueuedEventRecorder({
    component: 'kubelet',
    host: NODE_NAME,
    clock,
    random,
    metrics: new MemoryMetrics(),
  });
  const events = createPodEvents(recorder);
  const ownNode = new OwnNode({ client, nodeName: NODE_NAME, clock, random, log });
  const nodeFacts = (): NodeFacts => ({
    hostIps: hostIpsOf(ownNode.current()),
    allocatable: ownNode.current()?.status?.allocatable ?? {},
  });
  const rootDir = join(containerd.space.dir, 'kubelet');
  const mounter = createMounter();
  const wakes: ((uid: string) => void)[] = [];
  const onChange = (uid: string): void => {
    for (const wake of wakes) wake(uid);
  };
  const objects = createObjectWatches({ client, clock, random, log, onChange }, end.signal);
  const tokens = createTokenCache({ client, clock, random, onRenewalFailed: () => undefined });
  const surroundings = { node: nodeFacts, services: () => [] };
  const volumes = createPodVolumes({
    rootDir,
    files: createVolumeFiles(),
    mounter,
    objects,
    tokens,
    events,
    clock,
    fields: createFieldReader(surroundings),
  });
  wakes.push((uid) => volumes.expire(uid));
  const ports: KubeletPorts = {
    client,
    ownNode,
    events,
    nodeEvents: createNodeEvents(recorder, NODE_NAME),
    cri,
    images,
    facts: createProcFacts({ rootDir }),
    runtime: createPodRuntime(
      {
        cri,
        client,
        images,
        files: createPodFiles(rootDir),
        volumes: createContainerVolumes({ rootDir, subPaths: createSubPaths(mounter) }),
        objects,
        credentials: createPullCredentials({ objects, nodeEntries: async () => [] }),
        cgroups: {
          ensure: async () => undefined,
          fit: () => Promise.resolve(),
          parentOf: () => undefined,
          limits: async () => undefined,
          wanted: () => ({}),
          setLimits: async () => undefined,
          memoryUsage: async () => undefined,
        },
        surroundings,
        events,
        call: callHook,
        clock,
        log,
      },
      {
        cpuCfsQuota: true,
        cpuPeriodUs: 100_000,
        memoryCapacityBytes: totalmem(),
        unified: {},
        seccompDefault: false,
        seccompDir: join(rootDir, 'seccomp'),
        podLogsDir: join(containerd.space.dir, 'logs/pods'),
        containerLogsDir: join(containerd.space.dir, 'logs/containers'),
        clusterDomain: 'cluster.local',
        clusterDns: [],
        resolvConfPath: '',
      },
      { concurrency: undefined, qps: 0, burst: 0 },
    ),
    runtimeEvents: createRuntimeWatch({ cri, clock, log, streams: false }),
    volumes: {
      ...volumes,
      prepare: (pod, signal) => {
        objects.follow(pod);
        return volumes.prepare(pod, signal);
      },
      teardown: (uid, signal) => {
        objects.release(uid);
        return volumes.teardown(uid, signal);
      },
    },
    onWakeable: (wake) => void wakes.push(wake),
    prober: {
      http: createHttpProber(),
      tcp: createTcpProber(),
      grpc: createGrpcProber(),
    },
    leftovers: [
      createLogDirectories({
        podLogsDir: join(containerd.space.dir, 'logs/pods'),
        containerLogsDir: join(containerd.space.dir, 'logs/containers'),
      }),
    ],
    tasks: [(signal) => recorder.run(client, signal)],
    clock,
    random,
    log,
  };
  const settings = {
    node: withNodeDefaults({
      nodeName: NODE_NAME,
      nodeIps: [containerd.space.network.nodeIp],
    }),
    syncFrequencyMs: 60_000,
    ...more.settings,
  };
  const run = runScope(
    [(signal) => runKubelet({ ...ports, ...more.ports }, settings, signal)],
    end.signal,
  );
  return {
    log,
    node: () => ownNode.current(),
    async stop() {
      end.abort(new Error('the kubelet is stopped'));
      await run;
      close();
    },
  };
}
