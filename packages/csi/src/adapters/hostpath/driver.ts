import { statfs } from 'node:fs/promises';

import type { CreateVolumeRequest } from '../../codec/controller.js';
import type { Volume } from '../../codec/volume.js';
import { CsiError } from '../../model/errors.js';
import { hostPathId, type HostPathVolume } from '../../model/hostpath-volume.js';
import { layoutOf, unsupportedMode } from '../../plan/hostpath.js';
import { pageOf } from '../../plan/page.js';
import type { ControllerDriver, Driver } from '../../ports.js';
import { loopOf } from './mounts.js';
import { hostPathNode } from './node.js';
import { VolumeStore } from './store.js';

/** The place of the volumes, and the node that they are bound to. */
export interface HostPathOptions {
  /** The directory of the volumes, created if missing, on the file system that gives them space. */
  readonly stateDir: string;
  readonly nodeId: string;
  /** `hostpath.csi.nodeagent.dev` when absent. */
  readonly name?: string | undefined;
  readonly maxVolumes?: number | undefined;
}

/** Each volume is reachable from one node only; this topology key names the node. */
const TOPOLOGY_KEY = 'node';

/**
 * A driver for tests and single nodes: volumes are directories of this machine, or files mounted through
 * loop devices. Needs root, and mount(8), losetup(8) and mkfs of util-linux and e2fsprogs or xfsprogs.
 */
export async function createHostPathDriver(options: HostPathOptions): Promise<Driver> {
  const { stateDir, nodeId, name = 'hostpath.csi.nodeagent.dev', maxVolumes } = options;
  const store = await VolumeStore.open(stateDir);
  const topology = { [`${name}/${TOPOLOGY_KEY}`]: nodeId };
  return {
    name,
    version: '0.1.0',
    node: hostPathNode(store, { nodeId, topology, maxVolumes }),
    controller: hostPathController(store, { stateDir, topology }),
  };
}

function hostPathController(
  store: VolumeStore,
  { stateDir, topology }: { readonly stateDir: string; readonly topology: Record<string, string> },
): ControllerDriver {
  const shown = (volume: HostPathVolume): Volume => ({
    volumeId: volume.volumeId,
    capacityBytes: volume.capacityBytes,
    volumeContext: {},
    contentSource: undefined,
    accessibleTopology: [{ segments: topology }],
  });
  return {
    accessibilityConstraints: true,
    expansion: 'online',
    capabilities: ['single-node-multi-writer'],
    unsupported: unsupportedMode,
    findByName: async (name) => {
      const volume = await store.find(hostPathId(name));
      return volume === undefined ? undefined : shown(volume);
    },
    create: async (request) => {
      const volume = planned(request);
      await store.create(volume);
      return shown(volume);
    },
    delete: async ({ volumeId }) => {
      const volume = await store.get(volumeId);
      if (volume.backing !== 'directory' && (await loopOf(store.imageOf(volumeId))) !== undefined) {
        throw new CsiError('CSI_FAILED_PRECONDITION', `volume ${volumeId} is in use`);
      }
      await store.remove(volumeId);
    },
    validate: async ({ volumeId, volumeCapabilities, volumeContext, parameters }) => {
      const { backing } = await store.get(volumeId);
      const why = volumeCapabilities
        .map((capability) => {
          const isBlock = capability.access?.kind === 'block';
          if (isBlock !== (backing === 'block')) return `the volume has backing ${backing}`;
          return unsupportedMode(capability);
        })
        .find((problem) => problem !== undefined);
      if (why !== undefined) return { message: why };
      return {
        confirmed: { volumeContext, volumeCapabilities, parameters, mutableParameters: {} },
      };
    },
    list: async ({ maxEntries, startingToken }) => {
      const page = pageOf(await store.list(), ({ volumeId }) => volumeId, {
        maxEntries,
        startingToken,
      });
      const entries = page.items.map((volume) => ({ volume: shown(volume), status: undefined }));
      return { entries, nextToken: page.nextToken };
    },
    get: async ({ volumeId }) => ({ volume: shown(await store.get(volumeId)) }),
    capacity: async () => {
      const { bavail, bsize } = await statfs(stateDir);
      return { availableCapacity: bavail * bsize };
    },
    expand: async ({ volumeId, capacityRange }) => {
      const volume = await store.get(volumeId);
      const wanted = capacityRange?.requiredBytes ?? 0;
      const nodeExpansionRequired = volume.backing !== 'directory';
      if (wanted <= volume.capacityBytes) {
        return { capacityBytes: volume.capacityBytes, nodeExpansionRequired };
      }
      const { capacityBytes } = await store.grow(volume, wanted);
      return { capacityBytes, nodeExpansionRequired };
    },
  };
}

function planned(request: CreateVolumeRequest): HostPathVolume {
  if (request.volumeContentSource?.source !== undefined) {
    throw new CsiError('CSI_INVALID_ARGUMENT', 'volumes are made empty: no snapshots, no clones');
  }
  const { name, volumeCapabilities, capacityRange, parameters } = request;
  return {
    volumeId: hostPathId(name),
    name,
    ...layoutOf(volumeCapabilities, capacityRange, parameters),
  };
}
