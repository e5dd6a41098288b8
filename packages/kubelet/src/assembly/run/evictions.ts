import type { NodeEvents } from '@nodeagent/node-status';

import { EvictionManager } from '../../eviction/run/index.js';
import type { PodEvents } from '../../pod/index.js';
import type { ContainerCollector, ImageCollector } from '../../reclaim/run/index.js';
import { evictionRules } from '../plan/eviction-rules.js';
import type { NodeStats } from './node-stats.js';
import type { Parts } from './parts.js';

export interface EvictionPorts {
  readonly stats: Pick<NodeStats, 'gauge'>;
  readonly images: Pick<ImageCollector, 'removeUnusedImages'>;
  readonly containers: Pick<ContainerCollector, 'reclaim'>;
  readonly events: PodEvents;
  readonly nodeEvents: NodeEvents;
  /** Called when the node's conditions change. */
  readonly onPressure: () => void;
}

/** Eviction as the configuration says. */
export function createEviction(
  { config, adapters }: Parts,
  { stats, images, containers, events, nodeEvents, onPressure }: EvictionPorts,
): EvictionManager {
  const { metrics, clock, machine } = adapters;
  const log = adapters.log.child({ logger: 'eviction' });
  return new EvictionManager({
    ...evictionRules(config),
    gauge: stats.gauge,
    cpuCount: machine.onlineCpus.size,
    reclaim: {
      removeUnusedImages: (signal) => images.removeUnusedImages(signal),
      removeDeadContainers: (signal) => containers.reclaim(signal),
    },
    ...{ events, nodeEvents, onPressure, metrics, clock, log },
  });
}
