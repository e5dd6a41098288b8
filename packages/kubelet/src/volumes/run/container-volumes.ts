import { toPathSegment } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { podUid, StartError } from '../../pod/index.js';
import { VolumeError } from '../model/errors.js';
import { subPathTarget, volumeHostPath, volumeName } from '../model/pod-paths.js';
import type { SubPaths } from '../ports.js';

export interface ContainerVolumesOptions {
  readonly rootDir: string;
  readonly subPaths: SubPaths;
}

/** One entry of a container's volumeMounts. */
export interface MountRequest {
  readonly pod: Pod;
  readonly container: Container;
  /** In the container's `volumeMounts`. */
  readonly index: number;
  /** After expansion; empty for the whole volume. */
  readonly subPath: string;
}

export interface MountSource {
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** Its files are the pod's alone: they may be given another label for its sake. */
  readonly managed: boolean;
}

/** Where the volumes of a prepared pod are, for the runtime to mount. */
export interface ContainerVolumes {
  /**
   * @returns undefined for a volume that the pod does not have
   * @throws {StartError} `CreateContainerConfigError` for a subPath that cannot be had
   */
  source(request: MountRequest, signal: AbortSignal): Promise<MountSource | undefined>;
  /**
   * The text of a file in one of the pod's volumes.
   *
   * @throws {VolumeError}
   */
  readFile(pod: Pod, volume: string, path: string): Promise<string>;
}

export function createContainerVolumes(options: ContainerVolumesOptions): ContainerVolumes {
  const { rootDir, subPaths } = options;
  return {
    readFile: async (pod, name, path) => {
      const volume = pod.spec?.volumes?.find((candidate) => candidate.name === name);
      const volumeDir = volume && volumeHostPath(rootDir, podUid(pod), volume);
      if (volumeDir !== undefined) return subPaths.read({ volumeDir, subPath: path });
      throw new VolumeError('VOLUME_SOURCE', `the pod has no volume "${name}" with files`);
    },
    source: async ({ pod, container, index, subPath }, signal) => {
      const name = container.volumeMounts?.[index]?.name;
      const volume = pod.spec?.volumes?.find((candidate) => candidate.name === name);
      if (name === undefined || volume === undefined) return undefined;
      const hostPath = volumeHostPath(rootDir, podUid(pod), volume);
      if (hostPath === undefined) return undefined;
      // The files of these are the kubelet's: what a container wrote would be lost with the next update.
      const readOnly = volume.emptyDir === undefined && volume.hostPath === undefined;
      const managed = volume.hostPath === undefined;
      if (subPath === '') return { hostPath, readOnly, managed };
      const mount = {
        volume: volumeName(volume),
        container: toPathSegment(container.name, 'container name'),
        index,
      };
      const target = subPathTarget(rootDir, podUid(pod), mount);
      try {
        await subPaths.bind({ volumeDir: hostPath, subPath, target }, signal);
      } catch (cause) {
        signal.throwIfAborted();
        const text = `failed to prepare subPath for volumeMount "${name}" of container "${container.name}"`;
        throw new StartError('CreateContainerConfigError', text, { cause });
      }
      return { hostPath: target, readOnly, managed };
    },
  };
}
