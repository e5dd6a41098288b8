import type { NodeEvents } from '@nodeagent/node-status';

import type { PullHistory } from '../../images/index.js';
import type { PodRuntime, PodStanding } from '../../pod/index.js';
import { ContainerCollector, ImageCollector } from '../../reclaim/run/index.js';
import type { PodRuntimePorts } from '../../runtime/run/index.js';
import { imageGcPolicy } from '../plan/reclaim-rules.js';
import type { Parts } from './parts.js';

export interface Reclaim {
  /** Ports of the pods' runtime that tell of pulls. */
  readonly pullPorts: Required<Pick<PodRuntimePorts, 'onNoSpace' | 'onRecords'>>;
  readonly images: ImageCollector;
}

/** The removal of what the node no longer needs. */
export function openReclaim(
  { config, adapters, cri }: Parts,
  events: Pick<NodeEvents, 'warning'>,
): Reclaim {
  const { metrics, clock, readings } = adapters;
  const log = adapters.log.child({ logger: 'reclaim' });
  let history: PullHistory | undefined;
  const images = new ImageCollector(
    {
      ...{ events, metrics, clock, log },
      images: cri.images,
      cri: cri.runtime,
      disk: (path) => readings.machine.fileSystem(path),
      pulls: () => history,
    },
    imageGcPolicy(config),
  );
  return {
    images,
    pullPorts: {
      onNoSpace: () => images.pullWithoutSpace(),
      onRecords: (opened) => {
        history = opened;
      },
    },
  };
}

/** The removal of containers and sandboxes that no pod needs. */
export function collectContainers(
  { identity, adapters, cri }: Parts,
  ports: Readonly<{
    runtime: PodRuntime;
    events: Pick<NodeEvents, 'warning'>;
    standing: (podUid: string) => PodStanding;
  }>,
): ContainerCollector {
  const { clock, log, files } = adapters;
  const links = files.logLinks;
  return new ContainerCollector(
    { ...ports, cri: cri.runtime, links, clock, log },
    identity.containerGc,
  );
}
