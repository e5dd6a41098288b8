import type { PathSegment } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { type PodEvents, type PodUid, podUid } from '../../pod/index.js';
import { type Mounter, VolumeError } from '../../volumes/index.js';
import type { LoopDevices, StorageFiles } from '../ports.js';

export interface DeviceMapsOptions {
  readonly files: StorageFiles;
  readonly mounter: Pick<Mounter, 'bind' | 'unmount'>;
  readonly loops: LoopDevices;
  readonly events: PodEvents;
}

/** One device for one pod. */
export interface DeviceMap {
  /** The device, or a link to it. */
  readonly device: string;
  /** Contains a bind mount for each pod. */
  readonly mapDir: string;
  readonly pod: Pod;
  /** The link below the pod's directory, which exists. */
  readonly link: string;
  readonly specName: PathSegment;
}

/**
 * Makes devices available to pods: a bind mount in the volume's own directory, a link below the
 * pod's, and a loop device on the bind mount. The loop device keeps the device open, so that no
 * other device gets its name while the pod uses it.
 *
 * @see Kubernetes 1.36 pkg/volume/util/util.go, MapBlockVolume
 */
export class DeviceMaps {
  readonly #options: DeviceMapsOptions;

  constructor(options: DeviceMapsOptions) {
    this.#options = options;
  }

  /** Safe to repeat. @returns the device itself */
  async map(
    { device: path, mapDir, pod, link, specName }: DeviceMap,
    signal: AbortSignal,
  ): Promise<string> {
    const { files, mounter, loops, events } = this.#options;
    const device = await files.realPath(path);
    if ((await files.kindOf(device)) !== 'block device') {
      const step = { operation: 'MapVolume', name: 'EvalHostSymlinks', volume: specName } as const;
      throw new VolumeError('VOLUME_MOUNT', `${device} is no block device`, { step });
    }
    const target = `${mapDir}/${podUid(pod)}`;
    await files.makeDirectory(mapDir);
    if ((await files.kindOf(target)) !== 'block device') {
      await files.makeFile(target);
      await mounter.bind(device, target, signal);
    }
    await files.link(link, device);
    await loops.attach(target);
    const linkDir = link.slice(0, link.lastIndexOf('/'));
    for (const place of [`globalMapPath "${mapDir}"`, `volumeMapPath "${linkDir}"`]) {
      const text = `MapVolume.MapPodDevice succeeded for volume "${specName}" ${place}`;
      events.normal(pod, 'SuccessfulMountVolume', text);
    }
    return device;
  }

  /** Removes everything except the link. Safe to repeat. */
  async unmap(
    { mapDir, uid }: Readonly<{ mapDir: string; uid: PodUid }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { files, mounter, loops } = this.#options;
    const target = `${mapDir}/${uid}`;
    if ((await files.kindOf(target)) === undefined) return;
    await loops.detach(target);
    while ((await files.kindOf(target)) === 'block device') await mounter.unmount(target, signal);
    await files.remove(target);
  }
}
