import { type PathSegment, toPathSegment } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { parsePodUid, type PodEvents, type PodUid, podUid } from '../../pod/index.js';
import { isVolumeError, VolumeError } from '../../volumes/index.js';
import { localMapDir, localMount, podPluginDevices, podPluginDir } from '../model/in-tree-paths.js';
import type { LocalVolume } from '../model/in-tree-volume.js';
import { IN_TREE_PLUGINS, type OperationName } from '../model/volume-operation.js';
import { joinOptions, resizeCommand } from '../plan/file-systems.js';
import type { StorageFiles } from '../ports.js';
import { allDone } from './all-done.js';
import type { DeviceMaps } from './device-maps.js';
import type { GroupChanges } from './group-changes.js';
import type { MountCommands } from './mount-commands.js';
import { Turns } from './turns.js';
import type { VolumeOperation, VolumeOperations } from './volume-operations.js';

export interface LocalVolumesOptions {
  readonly rootDir: string;
  readonly files: StorageFiles;
  readonly groups: Pick<GroupChanges, 'give'>;
  readonly mounts: MountCommands;
  readonly maps: DeviceMaps;
  readonly operations: VolumeOperations;
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
  /** Links to devices that this process has made for pods. */
  readonly #mapped = new Set<string>();

  constructor(options: LocalVolumesOptions) {
    this.#options = options;
  }

  /** @returns the path that containers get: a directory, or a link to a device */
  setUp(pod: Pod, volume: LocalVolume, signal: AbortSignal): Promise<string> {
    const { rootDir, mounts, operations } = this.#options;
    const { specName, mode } = volume;
    const uid = podUid(pod);
    return this.#turns.take(specName, async () => {
      if (mode === 'Block') {
        const link = `${podPluginDevices(rootDir, uid, PLUGIN)}/${specName}`;
        const map = (): Promise<void> => this.#map(pod, volume, link, signal);
        if (this.#mapped.has(link)) return link;
        await operations.attempt(operationOn(specName, 'map_volume'), map, signal);
        this.#mapped.add(link);
        return link;
      }
      const target = `${podPluginDir(rootDir, uid, PLUGIN)}/${specName}`;
      const mount = (): Promise<void> => this.#mount(pod, volume, target, signal);
      if (await mounts.isMounted(target)) return target;
      await operations.attempt(operationOn(specName, 'volume_mount'), mount, signal);
      return target;
    });
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

  /** Safe to repeat. A volume that cannot be taken down holds up no other. */
  async tearDown(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { files, rootDir } = this.#options;
    const mounted = await files.names(podPluginDir(rootDir, uid, PLUGIN));
    const mapped = await files.names(podPluginDevices(rootDir, uid, PLUGIN));
    const each = (
      names: readonly string[],
      takeDown: (uid: PodUid, specName: PathSegment, signal: AbortSignal) => Promise<void>,
    ): readonly Promise<void>[] =>
      names.map((name) => {
        const specName = toPathSegment(name, 'PersistentVolume name');
        return this.#turns.take(specName, () => takeDown(uid, specName, signal));
      });
    await allDone([
      ...each(mounted, (...of) => this.#unmount(...of)),
      ...each(mapped, (...of) => this.#unmap(...of)),
    ]);
  }

  /** The pod's directory goes last: by it, the device's own mount is found again. */
  async #unmount(uid: PodUid, specName: PathSegment, signal: AbortSignal): Promise<void> {
    const { files, mounts, rootDir, operations } = this.#options;
    const target = `${podPluginDir(rootDir, uid, PLUGIN)}/${specName}`;
    const ofPod = operationOn(specName, 'volume_unmount', uid);
    await operations.attempt(ofPod, () => mounts.unmount(target, signal), signal);
    if ((await this.#mountsOfPods(specName)).length === 0) {
      const device = localMount(rootDir, specName);
      const unmount = async (): Promise<void> => {
        await mounts.assertOnlyMount(device);
        await mounts.unmount(device, signal);
      };
      if (await mounts.isMounted(device)) {
        await operations.attempt(operationOn(specName, 'unmount_device'), unmount, signal);
      }
      await files.remove(device);
    }
    await files.remove(target);
  }

  async #unmap(uid: PodUid, specName: PathSegment, signal: AbortSignal): Promise<void> {
    const { files, maps, rootDir, operations } = this.#options;
    const mapDir = localMapDir(rootDir, specName);
    const link = `${podPluginDevices(rootDir, uid, PLUGIN)}/${specName}`;
    this.#mapped.delete(link);
    const unmap = (): Promise<void> => maps.unmap({ mapDir, uid }, signal);
    await operations.attempt(operationOn(specName, 'unmap_volume', uid), unmap, signal);
    await files.remove(link);
    if ((await files.names(mapDir)).length === 0) await files.remove(mapDir);
  }

  async #map(
    pod: Pod,
    { path, specName }: LocalVolume,
    link: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { rootDir, maps, files } = this.#options;
    await files.link(link, await files.realPath(path)); // first, so that it is taken down
    const mapDir = localMapDir(rootDir, specName);
    await maps.map({ device: path, mapDir, pod, link, specName }, signal);
  }

  async #mount(pod: Pod, volume: LocalVolume, target: string, signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounts } = this.#options;
    const { specName, readOnly, mountOptions } = volume;
    const others = await this.#mountsOfPods(specName);
    await files.makeDirectory(target); // first: by it, the device's own mount is found again
    const options = joinOptions(...(readOnly ? ['ro'] : []), ...mountOptions);
    const isShared = others.length > 0;
    try {
      await mounts.bind(await this.#sourceOf(volume, signal), target, options, signal);
      if (!readOnly) await this.#giveToGroup(pod, { specName, target, isShared }, signal);
    } catch (error) {
      await mounts.unmount(target, signal);
      if (!(await mounts.isMounted(localMount(rootDir, specName)))) await files.remove(target);
      throw error;
    }
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
      const code = isVolumeError(cause, 'VOLUME_FORMAT') ? cause.code : 'VOLUME_MOUNT';
      throw new VolumeError(code, text, { cause });
    }
    return target;
  }

  /** Changes the files to the first pod's group; later pods find that group. */
  async #giveToGroup(
    pod: Pod,
    place: Readonly<{ specName: PathSegment; target: string; isShared: boolean }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { groups, events, files } = this.#options;
    const { specName, target, isShared } = place;
    if (!isShared) return groups.give(pod, target, signal);
    const gid = pod.spec?.securityContext?.fsGroup;
    if (gid === undefined) return;
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

/** @param uid the pod whose part of the volume changes; undefined for the volume itself */
function operationOn(specName: PathSegment, name: OperationName, uid?: PodUid): VolumeOperation {
  const plugin = IN_TREE_PLUGINS.local;
  const volume = [plugin, specName, ...(uid === undefined ? [] : [uid])].join('/');
  return { plugin, name, volume };
}
