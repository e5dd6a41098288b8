import type { Pod } from '@nodeagent/kube-client';

import type { NodeGauge } from '../../eviction/index.js';
import { createNodeGauge } from '../../eviction/run/index.js';
import type { OwnNode } from '../../node/run/index.js';
import type { PodCgroups } from '../../resources/run/index.js';
import type { PodsOnNode } from '../../server/index.js';
import type { Handlers } from '../../server/run/index.js';
import { type ClaimedFigures, type CountedDirectories, systemCgroups } from '../../stats/index.js';
import { createStatsHandlers, NodeMeasurer, PodDisks } from '../../stats/run/index.js';
import type { Parts } from './parts.js';

export interface NodeStats {
  readonly handlers: (pods: PodsOnNode) => Handlers;
  readonly gauge: NodeGauge;
  /** @param active the pods to measure if there is no node API */
  followPods(active: () => readonly Pod[]): void;
  /** Measures disk usage in the background until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
}

/** Statistics of the node and its pods: measured on request; disk usage in the background. */
export async function openStats(
  { config, identity, adapters, cri }: Parts,
  {
    cgroups,
    ownNode,
    claimed,
    counted,
  }: Readonly<{
    cgroups: PodCgroups;
    ownNode: Pick<OwnNode, 'current'>;
    claimed: ClaimedFigures;
    counted: CountedDirectories | undefined;
  }>,
): Promise<NodeStats> {
  const { readings, metrics, clock, random, log, facts } = adapters;
  const { rootDir, nodeName, version, runtimeCgroups } = identity;
  const { machine, directories } = readings;
  const disks = new PodDisks({
    ...{ machine, directories, claimed, counted, metrics, clock, random, log },
    places: { rootDir, podLogsDir: config.podLogsDir },
    periodMs: config.volumeStatsAggPeriodMs,
  });
  const { runtime, images } = cri;
  const services = {
    listPodSandbox: runtime.listPodSandbox.bind(runtime),
    listContainers: runtime.listContainers.bind(runtime),
    listContainerStats: runtime.listContainerStats.bind(runtime),
    listPodSandboxStats: runtime.listPodSandboxStats.bind(runtime),
    containerInfo: runtime.containerInfo.bind(runtime),
    podSandboxInfo: runtime.podSandboxInfo.bind(runtime),
    statusInfo: runtime.statusInfo.bind(runtime),
    imageFsInfo: images.imageFsInfo.bind(images),
  };
  const places = {
    cgroupOf: cgroups.parentOf.bind(cgroups),
    node: () => ownNode.current(),
  };
  const own = { path: await machine.cgroupOf(), startedAtMs: clock.nowMs() };
  const measurer = new NodeMeasurer({
    ...{ machine, clock, places },
    cri: services,
    cgroups: readings.cgroups,
    systems: () => systemCgroups({ config, runtimeCgroups, above: cgroups.above, own }),
    diskOf: (uid) => disks.diskOf(uid),
  });
  const handlers = createStatsHandlers({
    ...{ measurer, machine, places, nodeName, rootDir, log, facts, version },
    cri: services,
  });
  let shown: PodsOnNode | undefined;
  let active: () => readonly Pod[] = () => [];
  return {
    gauge: createNodeGauge({
      ...{ machine, measurer, rootDir, clock, cri: services, cgroups: readings.cgroups },
      podsCgroup: () => cgroups.above[0],
    }),
    followPods: (pods) => {
      active = pods;
    },
    handlers: (pods) => {
      shown = pods;
      return handlers(pods);
    },
    run: (signal) => disks.run(() => shown?.pods() ?? active(), signal),
  };
}
