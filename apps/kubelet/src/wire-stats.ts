import type { Clock, Logger, Random } from '@nodeagent/base';
import type { PrometheusMetrics } from '@nodeagent/component-base/process';
import type { CriClient } from '@nodeagent/cri-client/grpc';
import {
  createStatsHandlers,
  type Handlers,
  NodeMeasurer,
  type OwnNode,
  type PodCgroups,
  PodDisks,
  type PodsOnNode,
  systemCgroups,
} from '@nodeagent/kubelet';
import {
  createCgroupReadings,
  createDirectoryReadings,
  createMachineReadings,
} from '@nodeagent/kubelet/adapters';
import { createProcFacts } from '@nodeagent/node-status/proc';

import type { Options } from './options.js';
import { VERSION } from './settings.js';

export interface StatsParts {
  readonly options: Options;
  readonly cri: CriClient;
  readonly cgroups: PodCgroups;
  readonly ownNode: Pick<OwnNode, 'current'>;
  readonly metrics: PrometheusMetrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface WiredStats {
  readonly handlers: (pods: PodsOnNode) => Handlers;
  /** Measures disks for as long as the kubelet runs. */
  run(signal: AbortSignal): Promise<void>;
}

/** What the node and its pods use: measured when asked for, disks in the background. */
export async function wireStats(parts: StatsParts): Promise<WiredStats> {
  const { options, cri, cgroups, ownNode, metrics, clock, random, log } = parts;
  const { config, rootDir, nodeName, runtimeCgroups } = options;
  const nowMs = (): number => clock.nowMs();
  const machine = createMachineReadings({ nowMs });
  const disks = new PodDisks({
    ...{ machine, metrics, clock, random, log },
    directories: createDirectoryReadings(),
    places: { rootDir, podLogsDir: config.podLogsDir },
    periodMs: config.volumeStatsAggPeriod,
  });
  const services = {
    listPodSandbox: cri.runtime.listPodSandbox.bind(cri.runtime),
    listContainers: cri.runtime.listContainers.bind(cri.runtime),
    listContainerStats: cri.runtime.listContainerStats.bind(cri.runtime),
    listPodSandboxStats: cri.runtime.listPodSandboxStats.bind(cri.runtime),
    containerInfo: cri.runtime.containerInfo.bind(cri.runtime),
    podSandboxInfo: cri.runtime.podSandboxInfo.bind(cri.runtime),
    statusInfo: cri.runtime.statusInfo.bind(cri.runtime),
    imageFsInfo: cri.images.imageFsInfo.bind(cri.images),
  };
  const places = {
    cgroupOf: cgroups.parentOf.bind(cgroups),
    node: () => ownNode.current(),
  };
  const own = { path: await machine.cgroupOf(), startedAtMs: nowMs() };
  const measurer = new NodeMeasurer({
    ...{ machine, clock, places },
    cri: services,
    cgroups: createCgroupReadings({ nowMs }),
    systems: () => systemCgroups({ config, runtimeCgroups, above: cgroups.above, own }),
    diskOf: (uid) => disks.diskOf(uid),
  });
  const handlers = createStatsHandlers({
    ...{ measurer, machine, places, nodeName, rootDir, log },
    cri: services,
    facts: createProcFacts({ rootDir }),
    version: VERSION,
  });
  let shown: PodsOnNode | undefined;
  return {
    handlers: (pods) => {
      shown = pods;
      return handlers(pods);
    },
    run: (signal) => disks.run(() => shown?.pods() ?? [], signal),
  };
}
