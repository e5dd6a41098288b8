import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import { createPrometheusMetrics } from '@nodeagent/component-base/process';
import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import type { MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { type Containerd, type ContainerdOptions, startContainerd } from '@nodeagent/testbed';

import { createNodeAdapters } from '../../src/adapters/index.js';
import { parseKubeletConfig } from '../../src/config/index.js';
import { type OpenedNode, openNode } from './opened-node.js';

export interface ContainerdNode extends OpenedNode {
  readonly cri: CriClient;
  readonly rootDir: string;
  readonly podLogsDir: string;
  /** Another kubelet on the same node and disk, after this one is closed. */
  reopen(): Promise<OpenedNode>;
  /** With its containerd. */
  stop(): Promise<void>;
}

/** The ports of a kubelet on the adapters of this machine and a containerd of its own. */
export async function openContainerdNode(
  options: Pick<ContainerdOptions, 'name' | 'programs'>,
): Promise<ContainerdNode> {
  const containerd = await startContainerd({ ...options, images: ['busybox'] });
  const { dir } = containerd.space;
  const rootDir = join(dir, 'kubelet');
  const podLogsDir = join(dir, 'logs/pods');
  const cri = createCriClient({ endpoint: containerd.endpoint });
  const places = { containerd, cri, rootDir, podLogsDir };
  const node = await openOn(places);
  return {
    ...node,
    cri,
    rootDir,
    podLogsDir,
    reopen: () => openOn({ ...places, api: node.api }),
    stop: async () => {
      await node.close();
      cri.close();
      await containerd.stop();
    },
  };
}

interface Places {
  readonly containerd: Containerd;
  readonly cri: CriClient;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly api?: MemoryKubeClient;
}

async function openOn({ containerd, cri, rootDir, podLogsDir, api }: Places): Promise<OpenedNode> {
  const clock = createSystemClock();
  const log = new MemoryLogger();
  const config = {
    podLogsDir,
    containerRuntimeEndpoint: containerd.endpoint,
    clusterDomain: 'cluster.local',
    resolvConf: '',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${containerd.space.id}`,
    enforceNodeAllocatable: [],
    // the tests run in the machine's own network namespace
    makeIPTablesUtilChains: false,
    failCgroupV1: false,
    failSwapOn: false,
    // a full disk of the machine is not what most tests are about
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    enableServer: false,
    healthzPort: 0,
  };
  const identity = { nodeName: 'n1', nodeIps: [containerd.space.network.nodeIp], rootDir };
  const { config: parsed } = parseKubeletConfig({
    file: { value: config, directory: dirOf(rootDir) },
  });
  const metrics = createPrometheusMetrics();
  const adapters = await createNodeAdapters(parsed, identity, { metrics, clock, log });
  await adapters.files.makeDirectory(rootDir);
  return openNode({
    adapters: {
      ...adapters,
      ...{ clock, log, metrics },
      random: Math.random,
      probeMetrics: createPrometheusMetrics(),
    },
    config,
    identity,
    cri: { runtime: cri.runtime, images: cri.images, close: () => undefined },
    ...(api && { api }),
  });
}

function dirOf(path: string): string {
  return join(path, '..');
}
