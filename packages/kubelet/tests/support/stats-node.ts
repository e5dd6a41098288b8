import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryCgroups } from '@nodeagent/cgroups/testing';
import { MemoryRuntime, type OptionalCall } from '@nodeagent/cri-client/testing';
import type { Pod } from '@nodeagent/kube-client';

import type { Answer } from '../../src/server/index.js';
import type { Handlers } from '../../src/server/run/index.js';
import type { SystemCgroup } from '../../src/stats/index.js';
import { createStatsHandlers, NodeMeasurer, PodDisks } from '../../src/stats/run/index.js';
import {
  aNode,
  aPod,
  MemoryDirectoryReadings,
  MemoryMachineReadings,
} from '../../src/testing/index.js';
import type { VolumeFigures } from '../../src/volumes/index.js';

export const GIB = 2 ** 30;
export const MIB = 2 ** 20;
const never = new AbortController().signal;

export interface StatsNodeOptions {
  readonly lacks?: readonly OptionalCall[];
  /** True if pods have cgroups of their own. */
  readonly cgroups?: boolean;
}

/** A node with figures in memory, and its pages. */
export class StatsNode {
  readonly clock = new ManualClock();
  readonly runtime: MemoryRuntime;
  readonly cgroups = new MemoryCgroups({ clock: this.clock });
  readonly machine = new MemoryMachineReadings();
  readonly directories = new MemoryDirectoryReadings();
  readonly log = new MemoryLogger();
  readonly disks: PodDisks;
  readonly metrics = new MemoryMetrics();
  /** Figures of every pod's claimed volumes. */
  claimed: readonly VolumeFigures[] = [];
  readonly pods: Pod[] = [];
  systems: readonly SystemCgroup[] = [
    { name: 'pods', path: '/kubepods' },
    { path: '/kubepods/burstable' },
  ];
  readonly #handlers: Handlers;
  readonly #hasCgroups: boolean;

  constructor({ lacks = [], cgroups: hasCgroups = true }: StatsNodeOptions = {}) {
    const { clock, cgroups, machine, log } = this;
    this.#hasCgroups = hasCgroups;
    const runtime = new MemoryRuntime({ clock, lacks });
    this.runtime = runtime;
    this.disks = new PodDisks({
      ...{ machine, clock, log },
      directories: this.directories,
      claimed: { figures: async () => this.claimed },
      metrics: this.metrics,
      random: () => 0,
      places: { rootDir: '/kubelet', podLogsDir: '/logs' },
      periodMs: 60_000,
    });
    const cri = {
      listPodSandbox: runtime.listPodSandbox.bind(runtime),
      listContainers: runtime.listContainers.bind(runtime),
      listContainerStats: runtime.listContainerStats.bind(runtime),
      listPodSandboxStats: runtime.listPodSandboxStats.bind(runtime),
      containerInfo: (id: never, signal: AbortSignal) => runtime.containerInfo(id, signal),
      podSandboxInfo: runtime.podSandboxInfo.bind(runtime),
      statusInfo: async () => ({ config: '{"sandboxImage":"registry.k8s.io/pause:3.10"}' }),
      imageFsInfo: runtime.images.imageFsInfo.bind(runtime.images),
    };
    const places = {
      cgroupOf: ({ metadata }: Pod) => (hasCgroups ? `/kubepods/pod${metadata?.uid}` : undefined),
      node: () => aNode({ status: { allocatable: { memory: '3Gi' } } }),
    };
    const measurer = new NodeMeasurer({
      ...{ cri, cgroups: cgroups.readings, machine, places, clock },
      systems: () => this.systems,
      diskOf: (uid) => this.disks.diskOf(uid),
    });
    this.#handlers = createStatsHandlers({
      ...{ measurer, cri, machine, places, log },
      facts: {
        machine: async () => ({
          cpuCount: 2,
          memoryBytes: 4 * GIB,
          swapBytes: GIB,
          hugePages: [],
          rootFsBytes: 100 * GIB,
          machineId: 'm1',
          systemUuid: 's1',
          bootId: 'b1',
          kernelVersion: '6.1.0',
          osImage: 'Debian GNU/Linux 12 (bookworm)',
          operatingSystem: 'linux',
          architecture: 'amd64',
        }),
      },
      nodeName: 'n1',
      rootDir: '/kubelet',
      version: 'v1.36.0',
    })({ pods: () => this.pods, problem: () => undefined });
  }

  /** Adds a pod with one running container that has used 64 MiB and one second of CPU time. */
  async startPod(parts: Parameters<typeof aPod>[0] = {}): Promise<{
    pod: Pod;
    sandboxId: string;
    containerId: string;
    path: string;
  }> {
    const pod = aPod(parts);
    this.pods.push(pod);
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const config = { metadata: { name, namespace, uid, attempt: 0 } };
    const sandboxId = await this.runtime.runPodSandbox({ config }, never);
    const [spec] = pod.spec?.containers ?? [];
    const image = { image: 'sha256:1234' };
    this.runtime.images.add(image.image);
    const containerId = await this.runtime.createContainer(
      {
        sandboxId,
        sandboxConfig: config,
        config: { metadata: { name: spec?.name ?? '', attempt: 0 }, image },
      },
      never,
    );
    await this.runtime.startContainer(containerId, never);
    const path = `/kubepods/pod${uid}`;
    if (this.#hasCgroups) {
      this.cgroups.set(path, {
        cpu: { usageNs: 1_500_000_000 },
        memory: { workingSetBytes: 65 * MIB, usageBytes: 70 * MIB },
        threads: 5,
      });
      this.cgroups.set(`${path}/${sandboxId}`, { processes: [100], threads: 1 });
      this.cgroups.set(`${path}/${containerId}`, {
        cpu: { usageNs: 1_000_000_000 },
        memory: { workingSetBytes: 64 * MIB, usageBytes: 66 * MIB, rssBytes: 60 * MIB },
        processes: [101],
      });
    }
    return { pod, sandboxId, containerId, path };
  }

  /** The page as a client receives it. */
  async page(name: keyof Handlers, query = ''): Promise<string> {
    const request = {
      ...{ method: 'GET', path: '/', query: new URLSearchParams(query) },
      ...{ credentials: {}, upgrade: false },
    };
    const call = { request: request as never, params: {} };
    return textOf(await this.#handlers[name]!(call, never));
  }

  /** Runs one round of disk measurement. */
  async measureDisks(): Promise<void> {
    const end = new AbortController();
    const run = this.disks.run(() => this.pods, end.signal);
    while (this.clock.sleeping === 0) await Promise.resolve();
    end.abort();
    await run;
  }
}

async function textOf(answer: Answer): Promise<string> {
  if (answer.kind !== 'stream') throw new Error(`not a stream: ${answer.kind}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
