import { lstat, mkdir, open, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

import { ext4Bytes } from '../../codec/dumpe2fs.js';
import type {
  NodeExpandVolumeRequest,
  PublishVolumeRequest,
  StageVolumeRequest,
  VolumeStats,
} from '../../codec/node.js';
import { CsiError, isCsiError } from '../../model/errors.js';
import { type HostPathVolume, isHostPathId } from '../../model/hostpath-volume.js';
import type { MountEntry } from '../../model/mount-entry.js';
import { isEphemeral } from '../../plan/ephemeral.js';
import { layoutOf, unsupportedMode } from '../../plan/hostpath.js';
import type { NodeDriver, Placement } from '../../ports.js';
import { runCommand } from './commands.js';
import {
  allMounts,
  attachLoop,
  bind,
  detachLoop,
  fileBehind,
  mountAt,
  unmountAll,
} from './mounts.js';
import type { VolumeStore } from './store.js';

interface NodeFacts {
  readonly nodeId: string;
  readonly topology: Readonly<Record<string, string>>;
  readonly maxVolumes: number | undefined;
}

export function hostPathNode(store: VolumeStore, facts: NodeFacts): NodeDriver {
  const { nodeId, topology, maxVolumes } = facts;
  return {
    nodeId,
    topology,
    ...(maxVolumes !== undefined && { maxVolumes }),
    capabilities: ['single-node-multi-writer'],
    unsupported: unsupportedMode,
    published: (path) => placementAt(path, store),
    targetPaths: async (volumeId) => {
      const placed = await Promise.all(
        (await allMounts()).map(async (mount) => {
          return (await placementOf(mount, store)).volumeId === volumeId ? [mount.path] : [];
        }),
      );
      return placed.flat();
    },
    stage: (request) => stage(store, request),
    unstage: async ({ volumeId, stagingTargetPath }) => {
      await unmountAll(stagingTargetPath);
      const volume = await store.find(volumeId);
      if (volume !== undefined && volume.backing !== 'directory') {
        await detachLoop(store.imageOf(volumeId));
      }
    },
    publish: (request) => publish(store, request),
    unpublish: async ({ volumeId, targetPath }) => {
      await unmountAll(targetPath);
      await removePlace(targetPath);
      await endOfEphemeral(store, volumeId);
    },
    stats: async ({ volumeId, volumePath }) => {
      const volume = await store.get(volumeId);
      if ((await mountAt(volumePath)) === undefined) {
        throw new CsiError('CSI_NOT_FOUND', `volume ${volumeId} is not at ${volumePath}`);
      }
      return statsOf(volume, volumePath);
    },
    expand: (request) => expand(store, request),
  };
}

async function stage(
  store: VolumeStore,
  { volumeId, stagingTargetPath, volumeCapability }: StageVolumeRequest,
): Promise<void> {
  const volume = await store.get(volumeId);
  const isBlock = volumeCapability?.access?.kind === 'block';
  if (isBlock !== (volume.backing === 'block')) throw wrongKind(volume);
  if (isBlock) {
    await attachLoop(store.imageOf(volumeId));
    return;
  }
  const found = await placementAt(stagingTargetPath, store);
  if (found?.volumeId === volumeId) return;
  if (found !== undefined) {
    throw new CsiError('CSI_ALREADY_EXISTS', `${stagingTargetPath}: something else is mounted`);
  }
  if (volume.backing === 'directory') return bind(store.dataOf(volumeId), stagingTargetPath, false);
  const device = await attachLoop(store.imageOf(volumeId));
  try {
    await formatIfNew(device, volume.fsType);
    if (volume.fsType === 'ext4') await growAtRest(device, volume);
    const flags =
      volumeCapability?.access?.kind === 'mount' ? volumeCapability.access.value.mountFlags : [];
    const options = flags.length === 0 ? [] : ['-o', flags.join(',')];
    await runCommand('mount', ['-t', volume.fsType, ...options, device, stagingTargetPath]);
  } catch (error) {
    await detachLoop(store.imageOf(volumeId));
    throw error;
  }
}

/** @see blkid(8): exit code 2 means that it recognizes nothing on the device */
async function formatIfNew(device: string, fsType: string): Promise<void> {
  const found = await runCommand('blkid', ['-p', '-s', 'TYPE', '-o', 'value', device]).catch(
    (error: unknown) => {
      if (exitCodeOf(error) === 2) return '';
      throw error;
    },
  );
  if (found.trim() !== '') return;
  await runCommand(`mkfs.${fsType}`, [fsType === 'ext4' ? '-F' : '-f', '-q', device]);
}

/** Groups at the end of a file system that are too small for their own tables are left out. */
const UNUSABLE_BYTES = 1 << 20;

/**
 * Grows an ext4 file system that is smaller than its image before it is mounted: afterwards it would
 * need the capability `CAP_SYS_RESOURCE`.
 */
async function growAtRest(device: string, { capacityBytes }: HostPathVolume): Promise<void> {
  const bytes = ext4Bytes(await runCommand('dumpe2fs', ['-h', device]));
  if (bytes === undefined || capacityBytes - bytes < UNUSABLE_BYTES) return;
  await runCommand('e2fsck', ['-f', '-p', device]).catch((error: unknown) => {
    if (exitCodeOf(error) !== 1) throw error; // 1: errors, all of them corrected
  });
  await runCommand('resize2fs', [device]);
}

function exitCodeOf(error: unknown): unknown {
  return isCsiError(error) ? (error.cause as { readonly code?: unknown }).code : undefined;
}

async function publish(store: VolumeStore, request: PublishVolumeRequest): Promise<void> {
  const { volumeId, targetPath, stagingTargetPath, readonly, volumeCapability, volumeContext } =
    request;
  const volume = isEphemeral(volumeContext)
    ? await ephemeralVolume(store, request)
    : await store.get(volumeId);
  const isBlock = volumeCapability?.access?.kind === 'block';
  if (isBlock !== (volume.backing === 'block')) throw wrongKind(volume);
  if (isBlock) {
    await (await open(targetPath, 'a', 0o660)).close();
  } else {
    await mkdir(targetPath, { mode: 0o750 }).catch(ifExists);
  }
  try {
    await bind(await sourceOf(store, volume, stagingTargetPath), targetPath, readonly);
  } catch (error) {
    await removePlace(targetPath);
    throw error;
  }
}

async function sourceOf(
  store: VolumeStore,
  { volumeId, backing }: HostPathVolume,
  stagingTargetPath: string,
): Promise<string> {
  if (backing === 'block') return attachLoop(store.imageOf(volumeId));
  if (stagingTargetPath === '') return store.dataOf(volumeId);
  if ((await mountAt(stagingTargetPath)) === undefined) {
    const detail = `volume ${volumeId} is not staged at ${stagingTargetPath}`;
    throw new CsiError('CSI_FAILED_PRECONDITION', detail);
  }
  return stagingTargetPath;
}

/**
 * Creates a volume that one pod declares in its own manifest; it is always a directory, and removed
 * with the pod.
 */
async function ephemeralVolume(
  store: VolumeStore,
  { volumeId, volumeCapability }: PublishVolumeRequest,
): Promise<HostPathVolume> {
  if (!isHostPathId(volumeId)) {
    throw new CsiError('CSI_INVALID_ARGUMENT', `volumeId ${volumeId} cannot be a file's name`);
  }
  const found = await store.find(volumeId);
  if (found !== undefined) return found;
  const capabilities = volumeCapability === undefined ? [] : [volumeCapability];
  const layout = layoutOf(capabilities, undefined, {});
  if (layout.backing !== 'directory') {
    throw new CsiError('CSI_INVALID_ARGUMENT', 'a volume of one pod is a directory');
  }
  const volume = { volumeId, name: volumeId, ...layout };
  await store.create(volume);
  return volume;
}

async function endOfEphemeral(store: VolumeStore, volumeId: string): Promise<void> {
  const volume = await store.find(volumeId);
  if (volume?.name === volumeId) await store.remove(volumeId);
}

/** The volume that is mounted at a path; its id is empty if the mount is not one of ours. */
async function placementAt(path: string, store: VolumeStore): Promise<Placement | undefined> {
  const mount = await mountAt(path);
  return mount && placementOf(mount, store);
}

async function placementOf(mount: MountEntry, store: VolumeStore): Promise<Placement> {
  const access = mount.fsType === 'devtmpfs' ? 'block' : 'mount';
  const device = access === 'block' ? `/dev${mount.root}` : mount.source;
  const file = await fileBehind(device);
  const volumeId = file === undefined ? await directoryAt(mount, store) : store.volumeOfFile(file);
  return { volumeId: volumeId ?? '', readonly: mount.readonly, access };
}

/** The root of a mount is a path inside its file system, wherever that is mounted. */
async function directoryAt(
  { path, root }: MountEntry,
  store: VolumeStore,
): Promise<string | undefined> {
  const id = basename(dirname(root));
  if ((await store.find(id)) === undefined) return undefined;
  const [shown, own] = await Promise.all([stat(path), stat(store.dataOf(id))]);
  return shown.dev === own.dev && shown.ino === own.ino ? id : undefined;
}

async function statsOf(volume: HostPathVolume, path: string): Promise<VolumeStats> {
  const { capacityBytes } = volume;
  if (volume.backing === 'block') {
    const usage = { unit: 'bytes', total: capacityBytes, used: 0, available: 0 } as const;
    return { usage: [usage], volumeCondition: undefined };
  }
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
  return {
    usage: [
      {
        unit: 'bytes',
        total: blocks * bsize,
        used: (blocks - bfree) * bsize,
        available: bavail * bsize,
      },
      { unit: 'inodes', total: files, used: files - ffree, available: ffree },
    ],
    volumeCondition: undefined,
  };
}

async function expand(
  store: VolumeStore,
  { volumeId, volumePath }: NodeExpandVolumeRequest,
): Promise<{ readonly capacityBytes: number }> {
  const volume = await store.get(volumeId);
  if (volume.backing === 'directory') return { capacityBytes: volume.capacityBytes };
  const device = await attachLoop(store.imageOf(volumeId));
  if (volume.backing === 'image') {
    if (volume.fsType === 'xfs') await runCommand('xfs_growfs', ['-d', volumePath]);
    else await runCommand('resize2fs', [device]);
  }
  return { capacityBytes: volume.capacityBytes };
}

async function removePlace(path: string): Promise<void> {
  const place = await lstat(path).catch(ifMissing);
  if (place === undefined) return;
  // never a whole tree: files that others put there stay, and cause an error
  if (place.isDirectory()) await rmdir(path);
  else await unlink(path);
}

function wrongKind({ volumeId, backing }: HostPathVolume): CsiError {
  return new CsiError('CSI_INVALID_ARGUMENT', `volume ${volumeId} has backing ${backing}`);
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function ifExists(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EEXIST') throw error;
}
