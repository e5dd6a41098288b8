import { toPathSegment } from '@nodeagent/base';
import type { Container, Pod, Volume } from '@nodeagent/kube-client';

import { podUid, StartError } from '../../pod/index.js';
import { VolumeError } from '../model/errors.js';
import { subPathTarget, volumeHostPath, volumeName } from '../model/pod-paths.js';
import type { ClaimedVolumes, DevicePlace, SubPaths, VolumePlace } from '../ports.js';

export interface ContainerVolumesOptions {
  readonly rootDir: string;
  readonly subPaths: SubPaths;
  /** Places of volumes by claims and of storage drivers. */
  readonly claimed: Pick<ClaimedVolumes, 'deviceOf' | 'groupsOf' | 'placeOf'>;
}

/** One entry of a container's volumeMounts. */
export interface MountRequest {
  readonly pod: Pod;
  readonly container: Container;
  /** Position in the container's `volumeMounts`. */
  readonly index: number;
  /** After expansion; empty for the whole volume. */
  readonly subPath: string;
}

/** Places of a prepared pod's volumes, for the runtime to mount. */
export interface ContainerVolumes {
  /**
   * @returns undefined for a volume that the pod does not have
   * @throws {StartError} `CreateContainerConfigError` for a subPath that cannot be bound
   */
  source(request: MountRequest, signal: AbortSignal): Promise<VolumePlace | undefined>;
  /** @throws {StartError} `CreateContainerConfigError` for a volume that is no device */
  device(pod: Pod, container: Container, volume: string): DevicePlace;
  /** Groups of the pod's processes beside those that its spec names. */
  groups(pod: Pod): readonly number[];
  /**
   * The text of a file in one of the pod's volumes.
   *
   * @throws {VolumeError}
   */
  readFile(pod: Pod, volume: string, path: string): Promise<string>;
}

export function createContainerVolumes(options: ContainerVolumesOptions): ContainerVolumes {
  const { rootDir, subPaths, claimed } = options;
  const placeOf = (pod: Pod, volume: Volume): VolumePlace | undefined => {
    const hostPath = volumeHostPath(rootDir, podUid(pod), volume);
    if (hostPath === undefined) return claimed.placeOf(podUid(pod), volume.name);
    // The kubelet writes the files of these volumes: the next update would discard a container's
    // changes.
    const readOnly = volume.emptyDir === undefined && volume.hostPath === undefined;
    return { hostPath, readOnly, managed: volume.hostPath === undefined };
  };
  return {
    readFile: async (pod, name, path) => {
      const volume = pod.spec?.volumes?.find((candidate) => candidate.name === name);
      const volumeDir = volume && placeOf(pod, volume)?.hostPath;
      if (volumeDir !== undefined) return subPaths.read({ volumeDir, subPath: path });
      throw new VolumeError('VOLUME_SOURCE', `the pod has no volume "${name}" with files`);
    },
    groups: (pod) => claimed.groupsOf(podUid(pod)),
    device: (pod, container, volume) => {
      const found = claimed.deviceOf(podUid(pod), volume);
      if (found !== undefined) return found;
      const text = `block volume cannot be satisfied for container "${container.name}": volume "${volume}" is not mapped as a device`;
      throw new StartError('CreateContainerConfigError', text);
    },
    source: async ({ pod, container, index, subPath }, signal) => {
      const name = container.volumeMounts?.[index]?.name;
      const volume = pod.spec?.volumes?.find((candidate) => candidate.name === name);
      if (name === undefined || volume === undefined) return undefined;
      const place = placeOf(pod, volume);
      if (place === undefined || subPath === '') return place;
      const { hostPath, readOnly, managed } = place;
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
