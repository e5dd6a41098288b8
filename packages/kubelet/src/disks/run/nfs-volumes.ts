import type { Pod } from '@nodeagent/kube-client';

import { type PodUid, podUid } from '../../pod/index.js';
import { VolumeError } from '../../volumes/index.js';
import { podPluginDir } from '../model/in-tree-paths.js';
import type { NfsVolume } from '../model/in-tree-volume.js';
import { IN_TREE_PLUGINS, type OperationName } from '../model/volume-operation.js';
import { joinOptions, nfsFailure, nfsSource } from '../plan/file-systems.js';
import type { StorageFiles } from '../ports.js';
import { allDone } from './all-done.js';
import type { MountCommands } from './mount-commands.js';
import { Turns } from './turns.js';
import type { VolumeOperation, VolumeOperations } from './volume-operations.js';

export interface NfsVolumesOptions {
  readonly rootDir: string;
  readonly files: StorageFiles;
  readonly mounts: MountCommands;
  readonly operations: VolumeOperations;
}

const PLUGIN = 'kubernetes.io~nfs';

/**
 * Directories of file servers, mounted for each pod by mount.nfs. A volume is one pod's own: a
 * server that does not answer one pod holds up no other.
 *
 * @see Kubernetes 1.36 pkg/volume/nfs/nfs.go
 */
export class NfsVolumes {
  readonly #options: NfsVolumesOptions;
  readonly #turns = new Turns();

  constructor(options: NfsVolumesOptions) {
    this.#options = options;
  }

  /**
   * @returns its mount point for the pod
   * @throws {VolumeError} `VOLUME_MOUNT`
   */
  setUp(pod: Pod, volume: NfsVolume, signal: AbortSignal): Promise<string> {
    const { rootDir, mounts, operations } = this.#options;
    const uid = podUid(pod);
    const target = `${podPluginDir(rootDir, uid, PLUGIN)}/${volume.specName}`;
    return this.#turns.take(target, async () => {
      if (await mounts.isMounted(target)) return target;
      const operation = operationOn(uid, volume.specName, 'volume_mount');
      await operations.attempt(operation, () => this.#mount(volume, target, signal), signal);
      return target;
    });
  }

  /** Safe to repeat. Unmounts by force if the server does not answer. */
  async tearDown(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounts, operations } = this.#options;
    const dir = podPluginDir(rootDir, uid, PLUGIN);
    const takeDown = async (name: string): Promise<void> => {
      const target = `${dir}/${name}`;
      const unmount = async (): Promise<void> => {
        await mounts.unmount(target, signal);
        await files.remove(target);
      };
      const operation = operationOn(uid, name, 'volume_unmount');
      await this.#turns.take(target, () => operations.attempt(operation, unmount, signal));
    };
    await allDone((await files.names(dir)).map(takeDown));
  }

  async #mount(volume: NfsVolume, target: string, signal: AbortSignal): Promise<void> {
    const { files, mounts } = this.#options;
    await files.makeDirectory(target);
    const options = joinOptions(...volume.mountOptions, ...(volume.readOnly ? ['ro'] : []));
    const source = nfsSource(volume.server, volume.path);
    try {
      await mounts.mount({ source, target, fsType: 'nfs', options }, signal);
    } catch (cause) {
      await mounts.unmount(target, signal);
      await files.remove(target);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new VolumeError('VOLUME_MOUNT', nfsFailure(why), { cause });
    }
  }
}

function operationOn(uid: PodUid, specName: string, name: OperationName): VolumeOperation {
  const plugin = IN_TREE_PLUGINS.nfs;
  return { plugin, name, volume: `${plugin}/${uid}-${specName}` };
}
