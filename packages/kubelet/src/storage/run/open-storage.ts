import type { Clock, Logger, ScopeTask } from '@nodeagent/base';
import type { KubeClient, Node } from '@nodeagent/kube-client';

import type { ClaimedVolumes, Mounter, ObjectSource, VolumeFiles } from '../../volumes/index.js';
import type { PluginSockets, StorageFiles } from '../ports.js';
import { createClaimedVolumes } from './claimed-volumes.js';
import { CsiDrivers } from './csi-drivers.js';
import { NodeAnnouncer } from './csi-node.js';
import { CsiVolumes } from './csi-volumes.js';
import { StorageApi } from './storage-api.js';

export interface StorageOptions {
  readonly rootDir: string;
  readonly nodeName: string;
  readonly client: KubeClient;
  /** There is no API server: drivers register, and nobody is told. */
  readonly standalone: boolean;
  readonly node: {
    /** The Node as the API has it; undefined before it is registered. */
    readonly registered: () => Node | undefined;
    readonly known: (signal: AbortSignal) => Promise<void>;
  };
  readonly objects: Pick<ObjectSource, 'secret'>;
  readonly sockets: PluginSockets;
  readonly files: StorageFiles;
  readonly volumeFiles: VolumeFiles;
  readonly mounter: Mounter;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Storage {
  readonly volumes: ClaimedVolumes;
  /** For the Node's status. */
  readonly volumesInUse: () => readonly string[] | undefined;
  readonly tasks: readonly ScopeTask[];
}

/** How often what nobody uses any more is looked for, beside the end of each pod. */
const SWEEP_MS = 60_000;

/** Volumes of CSI drivers and by claims, with the drivers' registration. */
export function openStorage(options: StorageOptions): Storage {
  const { rootDir, nodeName, client, standalone, node, clock, log, files, mounter } = options;
  const announcer = new NodeAnnouncer({
    client: standalone ? undefined : client,
    nodeName,
    clock,
    node: async (signal) => {
      await node.known(signal);
      return node.registered() ?? {};
    },
  });
  const drivers = new CsiDrivers({ sockets: options.sockets, announcer, clock, log });
  const api = new StorageApi(client, options.objects);
  const csi = new CsiVolumes({
    ...{ rootDir, nodeName, drivers, api, files, mounter },
    volumeFiles: options.volumeFiles,
    reportedInUse: () => new Set(node.registered()?.status?.volumesInUse),
  });
  const sweep: ScopeTask = async (signal) => {
    await csi.recover();
    while ((await clock.sleep(SWEEP_MS, signal)) !== 'aborted') {
      try {
        await csi.sweep(signal);
      } catch (err) {
        if (!signal.aborted) log.warn({ err }, 'a volume that nobody uses stays staged');
      }
    }
  };
  const announce: ScopeTask = async (signal) => {
    let waitMs = 1000;
    while (!signal.aborted) {
      try {
        return await announcer.open(signal);
      } catch (err) {
        if (signal.aborted) return;
        log.warn({ err, retryInMs: waitMs }, 'CSINode cannot be made');
      }
      await clock.sleep(waitMs, signal);
      waitMs = Math.min(waitMs * 2, 60_000);
    }
  };
  return {
    volumes: createClaimedVolumes({ api, csi, files: options.volumeFiles }),
    volumesInUse: () => csi.volumesInUse(),
    tasks: [sweep, announce, (signal) => drivers.run(signal)],
  };
}
