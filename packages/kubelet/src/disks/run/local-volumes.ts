import { type PathSegment, toPathSegment } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { parsePodUid, type PodEvents, type PodUid, podUid } from '../../pod/index.js';
import { VolumeError, type VolumeFiles } from '../../volumes/index.js';
import { localMapDir, localMount, podPluginDevices, podPluginDir } from '../model/in-tree-paths.js';
import type { LocalVolume } from '../model/in-tree-volume.js';
import { joinOptions, resizeCommand } from '../plan/file-systems.js';
import type { StorageFiles } from '../ports.js';
import type { DeviceMaps } from './device-maps.js';
import type { MountCommands } from './mount-commands.js';
import { Turns } from './turns.js';

export interface LocalVolumesOptions {
  readonly rootDir: string;
  readonly files: StorageFiles;
  readonly volumeFiles: Pick<VolumeFiles, 'changeGroup'>;
  readonly mounts: MountCommands;
  readonly maps: DeviceMaps;
  readonly events: PodEvents;
}

const PLUGIN = 'kubernetes.io~local-volume';
const KINDS = 'only directory and block device are supported';

/**
 * Directories and devices of this node by PersistentVolumes. All state is on the disk, so the next
 * kubelet can take down everything that a killed kubelet left.
 *
 * @see Kubernetes 1.36 pkg/volume/local/local.go
 */
export class LocalVolumes {
  readonly #options: LocalVolumesOptions;
  /** By the PersistentVolume's name. */
  readonly #turns = new Turns();

  constructor(options: LocalVolumesOptions) {
    this.#options = options;
  }

  /** @returns the path that containers get: a directory, or a link to a device */
  setUp(pod: Pod, volume: LocalVolume, signal: AbortSignal): Promise<string> {
    return this.#turns.take(volume.specName, () =>
      volume.mode === 'Block'
        ? this.#map(podUid(pod), volume, signal)
        : this.#mount(pod, volume, signal),
    );
  }

  /** Grows the file system on a device; a directory has no size. */
  async expand({ path, mode, specName }: LocalVolume, signal: AbortSignal): Promise<void> {
    const { files, mounts, rootDir } = this.#options;
    if (mode === 'Block') return;
    const device = await files.realPath(path);
    if ((await files.kindOf(device)) !== 'block device') return;
    const dir = localMount(rootDir, specName);
    const command = resizeCommand(await mounts.formatOf(device, signal), { device, dir });
    if (command !== undefined) await mounts.succeed(command, signal);
  }

  /** Safe to repeat. */
  async tearDown(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { files, mounts, maps, rootDir } = this.#options;
    const mounted = podPluginDir(rootDir, uid, PLUGIN);
    for (const name of await files.names(mounted)) {
      const specName = toPathSegment(name, 'PersistentVolume name');
      await this.#turns.take(specName, async () => {
        await mounts.unmount(`${mounted}/${name}`, signal);
        await files.remove(`${mounted}/${name}`);
        const device = localMount(rootDir, specName);
        if ((await this.#mountsOfPods(specName)).length > 0) return;
        await mounts.unmount(device, signal);
        await files.remove(device);
      });
    }
    const linked = podPluginDevices(rootDir, uid, PLUGIN);
    for (const name of await files.names(linked)) {
      const specName = toPathSegment(name, 'PersistentVolume name');
      await this.#turns.take(specName, async () => {
        const mapDir = localMapDir(rootDir, specName);
        await maps.unmap({ mapDir, uid }, signal);
        await files.remove(`${linked}/${name}`);
        if ((await files.names(mapDir)).length === 0) await files.remove(mapDir);
      });
    }
  }

  async #map(uid: PodUid, { path, specName }: LocalVolume, signal: AbortSignal): Promise<string> {
    const { rootDir, maps, files } = this.#options;
    const link = `${podPluginDevices(rootDir, uid, PLUGIN)}/${specName}`;
    await files.link(link, await files.realPath(path)); // first, so that it is taken down
    const mapDir = localMapDir(rootDir, specName);
    await maps.map({ device: path, mapDir, uid, link, specName }, signal);
    return link;
  }

  async #mount(pod: Pod, volume: LocalVolume, signal: AbortSignal): Promise<string> {
    const { rootDir, files, mounts } = this.#options;
    const { specName, readOnly, mountOptions } = volume;
    const target = `${podPluginDir(rootDir, podUid(pod), PLUGIN)}/${specName}`;
    if (await mounts.isMounted(target)) return target;
    const others = await this.#mountsOfPods(specName);
    await files.makeDirectory(target); // first: by it, the device's own mount is found again
    const options = joinOptions(...(readOnly ? ['ro'] : []), ...mountOptions);
    try {
      await mounts.bind(await this.#sourceOf(volume, signal), target, options, signal);
    } catch (error) {
      await files.remove(target);
      throw error;
    }
    if (!readOnly) await this.#giveToGroup(pod, { specName, target, isShared: others.length > 0 });
    return target;
  }

  /** The directory, or the mount point of the device. */
  async #sourceOf(
    { path, specName, fsType, readOnly, mountOptions }: LocalVolume,
    signal: AbortSignal,
  ): Promise<string> {
    const { rootDir, files, mounts } = this.#options;
    if (path.split('/').includes('..')) {
      throw new VolumeError('VOLUME_SOURCE', `invalid path: ${path} must not contain '..'`);
    }
    const real = await files.realPath(path);
    const kind = await files.kindOf(real);
    if (kind === 'directory') return path;
    if (kind !== 'block device') throw new VolumeError('VOLUME_SOURCE', `${path}: ${KINDS}`);
    const target = localMount(rootDir, specName);
    if (await mounts.isMounted(target)) return target;
    await files.makeDirectory(target);
    const options = joinOptions(...(readOnly ? ['ro'] : []), ...mountOptions);
    try {
      await mounts.formatAndMount({ source: real, target, fsType, options }, signal);
    } catch (cause) {
      await files.remove(target);
      const why = cause instanceof Error ? cause.message : String(cause);
      const text = `local: failed to mount device ${path} at ${target} (fstype: ${fsType}), error ${why}`;
      throw new VolumeError('VOLUME_MOUNT', text, { cause });
    }
    return target;
  }

  /** Changes the files to the first pod's group; later pods find that group. */
  async #giveToGroup(
    pod: Pod,
    place: Readonly<{ specName: PathSegment; target: string; isShared: boolean }>,
  ): Promise<void> {
    const { volumeFiles, events, files } = this.#options;
    const { fsGroup: gid, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
    if (gid === undefined) return;
    const { specName, target, isShared } = place;
    if (!isShared) {
      const policy = fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always';
      await volumeFiles.changeGroup(target, { gid, policy, readOnly: false });
      return;
    }
    const found = await files.groupOf(target);
    if (found === gid) return;
    const text = `The requested fsGroup is ${gid}, but the volume ${specName} has GID ${found}. The volume may not be shareable.`;
    events.warning(pod, 'AlreadyMountedVolume', text);
  }

  /** Mounts of the volume for pods of this node. */
  async #mountsOfPods(specName: PathSegment): Promise<readonly string[]> {
    const { files, mounts, rootDir } = this.#options;
    const found: string[] = [];
    for (const name of await files.subdirectories(`${rootDir}/pods`)) {
      const uid = parsePodUid(name);
      if (uid === undefined) continue;
      const target = `${podPluginDir(rootDir, uid, PLUGIN)}/${specName}`;
      if ((await files.kindOf(target)) === 'directory' && (await mounts.isMounted(target))) {
        found.push(target);
      }
    }
    return found;
  }
}
