import type { Pod } from '@nodeagent/kube-client';

import { type PodUid, podUid } from '../../pod/index.js';
import { VolumeError } from '../../volumes/index.js';
import { podPluginDir } from '../model/in-tree-paths.js';
import type { NfsVolume } from '../model/in-tree-volume.js';
import { joinOptions, nfsFailure, nfsSource } from '../plan/file-systems.js';
import type { StorageFiles } from '../ports.js';
import type { MountCommands } from './mount-commands.js';
import { Turns } from './turns.js';

export interface NfsVolumesOptions {
  readonly rootDir: string;
  readonly files: StorageFiles;
  readonly mounts: MountCommands;
}

const PLUGIN = 'kubernetes.io~nfs';

/**
 * Directories of file servers, mounted for each pod by mount.nfs.
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
    const { rootDir, files, mounts } = this.#options;
    const target = `${podPluginDir(rootDir, podUid(pod), PLUGIN)}/${volume.specName}`;
    return this.#turns.take(target, async () => {
      if (await mounts.isMounted(target)) return target;
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
      return target;
    });
  }

  /** Safe to repeat. Unmounts by force if the server does not answer. */
  async tearDown(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounts } = this.#options;
    const dir = podPluginDir(rootDir, uid, PLUGIN);
    for (const name of await files.names(dir)) {
      const target = `${dir}/${name}`;
      await this.#turns.take(target, async () => {
        await mounts.unmount(target, signal);
        await files.remove(target);
      });
    }
  }
}
