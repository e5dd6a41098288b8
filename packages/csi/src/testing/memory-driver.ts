import type { CreateVolumeRequest } from '../codec/controller.js';
import type { Snapshot } from '../codec/snapshot.js';
import type { Volume } from '../codec/volume.js';
import { CsiError } from '../model/errors.js';
import { pageOf } from '../plan/page.js';
import type { ControllerDriver, Driver, NodeDriver, Placement } from '../ports.js';

export interface MemoryDriver extends Driver {
  /** Staged and published volumes, by path. */
  readonly placements: ReadonlyMap<string, Placement>;
  readonly volumes: ReadonlyMap<string, Volume>;
  /** Makes the next call of this method of the driver throw the error; several calls queue up. */
  failNext(method: string, error: Error): void;
  readonly node: NodeDriver;
  readonly controller: ControllerDriver;
}

/** The driver's identity, and the limits that it reports and enforces. */
export interface MemoryDriverOptions {
  /** `memory.csi.example.com` when absent. */
  readonly name?: string;
  readonly nodeId?: string;
  readonly maxVolumes?: number;
  readonly topology?: Readonly<Record<string, string>>;
  /** Capacity of all volumes together, in bytes; 1 TiB when absent. */
  readonly capacityBytes?: number;
}

/**
 * A driver whose volumes are entries of a map. It follows the rules of a real one, including
 * snapshots.
 */
export function createMemoryDriver(options: MemoryDriverOptions = {}): MemoryDriver {
  const { name = 'memory.csi.example.com', nodeId = 'node-1', capacityBytes = 2 ** 40 } = options;
  const placements = new Map<string, Placement>();
  const volumes = new Map<string, Volume>();
  const failures = new Map<string, Error[]>();
  const turn = (method: string): void => {
    const error = failures.get(method)?.shift();
    if (error !== undefined) throw error;
  };
  return {
    name,
    version: '0.1.0',
    placements,
    volumes,
    failNext: (method, error) =>
      void failures.set(method, [...(failures.get(method) ?? []), error]),
    node: {
      nodeId,
      ...(options.maxVolumes !== undefined && { maxVolumes: options.maxVolumes }),
      ...(options.topology !== undefined && { topology: options.topology }),
      ...memoryNode(placements, volumes, turn),
    },
    controller: {
      ...memoryVolumes(volumes, capacityBytes, turn),
      ...memorySnapshots(volumes, turn),
      ...memoryAttachments(volumes, nodeId, turn),
    },
  };
}

type Turn = (method: string) => void;

function memoryNode(
  placements: Map<string, Placement>,
  volumes: ReadonlyMap<string, Volume>,
  turn: Turn,
): Omit<NodeDriver, 'nodeId'> {
  const known = (volumeId: string): Volume => volumeOf(volumes, volumeId);
  return {
    capabilities: ['single-node-multi-writer'],
    published: async (path) => placements.get(path),
    targetPaths: async (volumeId) =>
      [...placements].flatMap(([path, one]) => (one.volumeId === volumeId ? [path] : [])),
    staged: async (path) => placements.get(path),
    stage: async ({ volumeId, stagingTargetPath, volumeCapability }) => {
      turn('stage');
      known(volumeId);
      const access = volumeCapability?.access?.kind ?? 'mount';
      placements.set(stagingTargetPath, { volumeId, access });
    },
    unstage: async ({ stagingTargetPath }) => {
      turn('unstage');
      placements.delete(stagingTargetPath);
    },
    publish: async ({ volumeId, targetPath, stagingTargetPath, readonly, volumeCapability }) => {
      turn('publish');
      if (stagingTargetPath !== '') {
        known(volumeId);
        if (!placements.has(stagingTargetPath)) {
          throw new CsiError('CSI_FAILED_PRECONDITION', `${stagingTargetPath} is not staged`);
        }
      }
      const access = volumeCapability?.access?.kind ?? 'mount';
      placements.set(targetPath, { volumeId, readonly, access });
    },
    unpublish: async ({ targetPath }) => {
      turn('unpublish');
      placements.delete(targetPath);
    },
    stats: async ({ volumeId, volumePath }) => {
      turn('stats');
      const { capacityBytes } = known(volumeId);
      if (!placements.has(volumePath)) {
        throw new CsiError('CSI_NOT_FOUND', `volume ${volumeId} is not at ${volumePath}`);
      }
      return {
        usage: [{ unit: 'bytes', total: capacityBytes, used: 0, available: capacityBytes }],
      };
    },
    expand: async ({ volumeId }) => {
      turn('nodeExpand');
      return { capacityBytes: known(volumeId).capacityBytes };
    },
  };
}

function memoryVolumes(
  volumes: Map<string, Volume>,
  capacityBytes: number,
  turn: Turn,
): ControllerDriver {
  const byName = new Map<string, string>();
  const used = (): number => [...volumes.values()].reduce((sum, one) => sum + one.capacityBytes, 0);
  const reserve = (bytes: number): void => {
    if (used() + bytes <= capacityBytes) return;
    throw new CsiError('CSI_RESOURCE_EXHAUSTED', `${bytes} bytes do not fit`);
  };
  return {
    expansion: 'online',
    findByName: async (name) => {
      const id = byName.get(name);
      return id === undefined ? undefined : volumes.get(id);
    },
    create: async (request) => {
      turn('create');
      const volume = newVolume(request);
      reserve(volume.capacityBytes);
      volumes.set(volume.volumeId, volume);
      byName.set(request.name, volume.volumeId);
      return volume;
    },
    delete: async ({ volumeId }) => {
      turn('delete');
      volumeOf(volumes, volumeId);
      volumes.delete(volumeId);
    },
    validate: async ({ volumeId, volumeCapabilities }) => {
      volumeOf(volumes, volumeId);
      return {
        confirmed: { volumeContext: {}, volumeCapabilities, parameters: {}, mutableParameters: {} },
      };
    },
    list: async (page) => {
      const sorted = [...volumes.values()].sort((a, b) => (a.volumeId < b.volumeId ? -1 : 1));
      const { items, nextToken } = pageOf(sorted, ({ volumeId }) => volumeId, page);
      return { entries: items.map((volume) => ({ volume, status: undefined })), nextToken };
    },
    get: async ({ volumeId }) => ({ volume: volumeOf(volumes, volumeId) }),
    capacity: async () => ({ availableCapacity: capacityBytes - used() }),
    expand: async ({ volumeId, capacityRange }) => {
      turn('controllerExpand');
      const volume = volumeOf(volumes, volumeId);
      const wanted = Math.max(volume.capacityBytes, capacityRange?.requiredBytes ?? 0);
      reserve(wanted - volume.capacityBytes);
      volumes.set(volumeId, { ...volume, capacityBytes: wanted });
      return { capacityBytes: wanted, nodeExpansionRequired: true };
    },
  };
}

function memorySnapshots(
  volumes: ReadonlyMap<string, Volume>,
  turn: Turn,
): Pick<ControllerDriver, 'createSnapshot' | 'deleteSnapshot' | 'listSnapshots' | 'getSnapshot'> {
  const snapshots = new Map<string, Snapshot>();
  return {
    createSnapshot: async ({ name, sourceVolumeId }) => {
      turn('createSnapshot');
      const snapshotId = `snapshot-of-${name}`;
      const found = snapshots.get(snapshotId);
      if (found?.sourceVolumeId === sourceVolumeId) return found;
      if (found !== undefined) {
        throw new CsiError('CSI_ALREADY_EXISTS', `${name} is of volume ${found.sourceVolumeId}`);
      }
      const { capacityBytes } = volumeOf(volumes, sourceVolumeId);
      const snapshot = {
        snapshotId,
        sourceVolumeId,
        sizeBytes: capacityBytes,
        creationTime: { seconds: 1_700_000_000 + snapshots.size, nanos: 0 },
        readyToUse: true,
        groupSnapshotId: '',
      };
      snapshots.set(snapshotId, snapshot);
      return snapshot;
    },
    deleteSnapshot: async ({ snapshotId }) => {
      turn('deleteSnapshot');
      if (!snapshots.delete(snapshotId)) throw new CsiError('CSI_NOT_FOUND', `no ${snapshotId}`);
    },
    listSnapshots: async ({ sourceVolumeId, snapshotId, ...page }) => {
      const wanted = [...snapshots.values()]
        .filter((one) => sourceVolumeId === '' || one.sourceVolumeId === sourceVolumeId)
        .filter((one) => snapshotId === '' || one.snapshotId === snapshotId)
        .sort((a, b) => (a.snapshotId < b.snapshotId ? -1 : 1));
      const { items, nextToken } = pageOf(wanted, (one) => one.snapshotId, page);
      return { entries: items.map((snapshot) => ({ snapshot })), nextToken };
    },
    getSnapshot: async ({ snapshotId }) => {
      const found = snapshots.get(snapshotId);
      if (found === undefined) throw new CsiError('CSI_NOT_FOUND', `no snapshot ${snapshotId}`);
      return found;
    },
  };
}

function memoryAttachments(
  volumes: ReadonlyMap<string, Volume>,
  nodeId: string,
  turn: Turn,
): Pick<ControllerDriver, 'publish' | 'unpublish'> {
  const attached = new Map<string, boolean>();
  return {
    publish: async (request) => {
      turn('controllerPublish');
      volumeOf(volumes, request.volumeId);
      if (request.nodeId !== nodeId) {
        throw new CsiError('CSI_NOT_FOUND', `there is no node ${request.nodeId}`);
      }
      const readonly = attached.get(request.volumeId);
      if (readonly !== undefined && readonly !== request.readonly) {
        throw new CsiError('CSI_ALREADY_EXISTS', `${request.volumeId} is attached otherwise`);
      }
      attached.set(request.volumeId, request.readonly);
      return { publishContext: { device: `/dev/disk/${request.volumeId}` } };
    },
    unpublish: async ({ volumeId }) => {
      turn('controllerUnpublish');
      attached.delete(volumeId);
    },
  };
}

function newVolume({ name, capacityRange, volumeContentSource }: CreateVolumeRequest): Volume {
  const { requiredBytes = 0, limitBytes = 0 } = capacityRange ?? {};
  return {
    volumeId: `volume-of-${name}`.slice(0, 128),
    capacityBytes: requiredBytes || limitBytes || 2 ** 30,
    volumeContext: { name },
    contentSource: volumeContentSource,
    accessibleTopology: [],
  };
}

/** @throws {CsiError} `CSI_NOT_FOUND` */
function volumeOf(volumes: ReadonlyMap<string, Volume>, volumeId: string): Volume {
  const found = volumes.get(volumeId);
  if (found === undefined) throw new CsiError('CSI_NOT_FOUND', `there is no volume ${volumeId}`);
  return found;
}
