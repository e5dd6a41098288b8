import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  mkdir,
  readdir,
  readFile,
  readlink,
  rmdir,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { VolumeCapability } from '@nodeagent/csi';
import { createCsiClient } from '@nodeagent/csi/client';

import { DRIVER, forever } from './storage-node.js';

/** A volume that another kubelet mounts or maps for a pod. */
export interface OthersVolume {
  readonly pv: string;
  readonly handle: string;
  readonly podUid: string;
}

/**
 * Another kubelet's work on CSI volumes, written down from its sources and not by our code: its calls,
 * directories, files and links. It has no state of its own: it takes a volume down by what it finds
 * on the disk, and fails where something else is left in a directory.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/{csi_attacher,csi_mounter,csi_block,csi_util}.go;
 *   pkg/volume/util/volumepathhandler
 */
export interface OtherKubelet {
  mount(volume: OthersVolume): Promise<void>;
  unmount(volume: OthersVolume): Promise<void>;
  map(volume: OthersVolume): Promise<void>;
  unmap(volume: OthersVolume): Promise<void>;
  close(): void;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const NO_TEXTS = { publishContext: {}, secrets: {}, volumeContext: {} };

export function playOtherKubelet(rootDir: string, socketPath: string): OtherKubelet {
  const client = createCsiClient({ socketPath });
  const { node } = client;
  const plugins = join(rootDir, 'plugins/kubernetes.io/csi');
  const places = ({ pv, handle, podUid }: OthersVolume) => ({
    staging: join(plugins, DRIVER, sha256(handle), 'globalmount'),
    target: join(rootDir, 'pods', podUid, 'volumes/kubernetes.io~csi', pv, 'mount'),
    blockDir: join(plugins, 'volumeDevices', pv),
    blockStaging: join(plugins, 'volumeDevices/staging', pv),
    published: join(plugins, 'volumeDevices/publish', pv, podUid),
    link: join(rootDir, 'pods', podUid, 'volumeDevices/kubernetes.io~csi', pv),
  });
  const dataOf = ({ pv, handle }: OthersVolume): Record<string, string> => ({
    attachmentID: `csi-${sha256(`${handle}${DRIVER}node-1`)}`,
    driverName: DRIVER,
    nodeName: 'node-1',
    specVolID: pv,
    volumeHandle: handle,
  });

  return {
    mount: async (volume) => {
      const { staging, target } = places(volume);
      const call = { ...NO_TEXTS, volumeId: volume.handle, stagingTargetPath: staging };
      const access = {
        kind: 'mount',
        value: { fsType: '', mountFlags: [], volumeMountGroup: '' },
      } as const;
      await directory(staging);
      const staged = { driverName: DRIVER, volumeHandle: volume.handle };
      await writeData(dirname(staging), staged);
      await node.stageVolume({ ...call, volumeCapability: capability(access) }, forever);
      await directory(dirname(target));
      const data = { ...dataOf(volume), volumeLifecycleMode: 'Persistent' };
      await writeData(dirname(target), data);
      const how = { targetPath: target, readonly: false };
      await node.publishVolume({ ...call, ...how, volumeCapability: capability(access) }, forever);
    },
    unmount: async (volume) => {
      const { target, staging } = places(volume);
      const { volumeHandle: volumeId } = await readData(dirname(target));
      await node.unpublishVolume({ volumeId, targetPath: target }, forever);
      await removeMountDir(target);
      await node.unstageVolume({ volumeId, stagingTargetPath: staging }, forever);
      await removeMountDir(staging);
    },
    map: async (volume) => {
      const { blockDir, blockStaging, published, link } = places(volume);
      const volumeCapability = capability({ kind: 'block', value: {} });
      const call = { ...NO_TEXTS, volumeId: volume.handle, stagingTargetPath: blockStaging };
      await directory(join(blockDir, 'data'));
      await writeData(join(blockDir, 'data'), dataOf(volume));
      await directory(blockStaging);
      await node.stageVolume({ ...call, volumeCapability }, forever);
      await directory(dirname(published));
      const how = { targetPath: published, readonly: false, volumeCapability };
      await node.publishVolume({ ...call, ...how }, forever);
      const held = join(blockDir, 'dev', volume.podUid);
      await directory(dirname(held));
      await writeFile(held, '');
      execFileSync('mount', ['--bind', published, held]);
      await directory(dirname(link));
      await symlink(published, link);
      execFileSync('losetup', ['-f', held]);
    },
    unmap: async (volume) => {
      const { blockDir, blockStaging, published, link } = places(volume);
      const { volumeHandle: volumeId } = await readData(join(blockDir, 'data'));
      const held = join(blockDir, 'dev', volume.podUid);
      execFileSync('losetup', ['-d', loopOf(held)]);
      if ((await readlink(link)) !== published) throw new Error(`${link} leads elsewhere`);
      await unlink(link);
      execFileSync('umount', [held]);
      await unlink(held);
      await node.unpublishVolume({ volumeId, targetPath: published }, forever);
      const others = await readdir(join(blockDir, 'dev'));
      if (others.length > 0) throw new Error(`${blockDir}/dev is in use: ${others.join()}`);
      await node.unstageVolume({ volumeId, stagingTargetPath: blockStaging }, forever);
      await rmdir(blockStaging);
      await rmdir(dirname(published));
      await rmdir(join(blockDir, 'dev'));
      await unlink(join(blockDir, 'data/vol_data.json'));
      for (const dir of [join(blockDir, 'data'), blockDir]) await rmdir(dir);
    },
    close: () => client.close(),
  };
}

function capability(access: VolumeCapability['access']): VolumeCapability {
  return { access, accessMode: { mode: 'single-node-writer' } };
}

async function directory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o750 });
}

/** One line, with the keys in order: Go's encoding/json writes maps so. */
async function writeData(dir: string, data: Readonly<Record<string, string>>): Promise<void> {
  const sorted = Object.fromEntries(Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  await writeFile(join(dir, 'vol_data.json'), `${JSON.stringify(sorted)}\n`, { mode: 0o644 });
}

async function readData(dir: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(join(dir, 'vol_data.json'), 'utf8');
  return JSON.parse(text) as Readonly<Record<string, string>>;
}

/** Removes an unmounted directory, the file beside it, and their parent, which is empty then. */
async function removeMountDir(path: string): Promise<void> {
  if (existsSync(path)) await rmdir(path);
  await unlink(join(dirname(path), 'vol_data.json'));
  await rmdir(dirname(path));
}

function loopOf(file: string): string {
  const text = execFileSync('losetup', ['--noheadings', '--output', 'NAME', '-j', file], {
    encoding: 'utf8',
  });
  return text.trim();
}
