import type { PodUid } from '../../pod/index.js';
import { VolumeError } from '../model/errors.js';
import type { Payload } from '../model/payload.js';
import {
  type ManagedVolume,
  memoryBase,
  memoryMount,
  memoryPodDir,
  volumeDirs,
} from '../model/pod-paths.js';
import { visibleLinks } from '../plan/visible-links.js';
import type { Mounter, PayloadOwner, VolumeFiles } from '../ports.js';
import { unmountBelow } from './unmount-below.js';

export interface MemoryVolumesOptions {
  readonly rootDir: string;
  readonly files: VolumeFiles;
  readonly mounter: Mounter;
  /** Limit on their total size; none if absent. */
  readonly nodeMemoryBytes?: () => number | undefined;
}

/** The files of one volume. */
export interface VolumeContent {
  readonly volume: ManagedVolume;
  readonly payload: Payload;
  readonly owner: PayloadOwner;
}

/**
 * Volumes with content from the API that must not touch a disk: their files are in one memory file
 * system for all pods. The directory that other kubelets use for such a volume has only links to
 * them, so another kubelet can mount its own file system there at any time.
 *
 * A file system for each volume would burden the whole node: starting a container reads the list of
 * all mounts several times. With the four mounts that the runtime itself needs for a pod, that is
 * already a fifth of the CPU time of starting a hundred pods.
 */
export class MemoryVolumes {
  readonly #options: MemoryVolumesOptions;
  #mounting: Promise<void> | undefined;
  /**
   * This kubelet has mounted or verified the file system; before, the directory may be a copy on a
   * disk.
   */
  #isKnown = false;

  constructor(options: MemoryVolumesOptions) {
    this.#options = options;
  }

  /** Writes the files, or replaces those of an earlier call, and shows them in the pod's directory. */
  async write(uid: PodUid, content: VolumeContent, signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounter } = this.#options;
    const { volume, payload, owner } = content;
    const dirs = volumeDirs(rootDir, uid, volume);
    await this.#make(dirs.content, signal);
    await files.writePayload(dirs.content, payload, { ...owner, inMemory: true });
    const isOld = (await files.makeRealDir(dirs.visible)) === 'found';
    if (isOld && (await mounter.isMountPoint(dirs.visible))) {
      // Another kubelet's mount: the containers that it started use this one.
      await files.writePayload(dirs.visible, payload, { ...owner, inMemory: false });
    } else await files.writeLinks(dirs.visible, visibleLinks(dirs, payload));
  }

  /** Uids of the pods that have files here, including those that another kubelet removed. */
  pods(): Promise<readonly string[]> {
    return this.#options.files.subdirectories(memoryBase(this.#options.rootDir));
  }

  async remove(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounter } = this.#options;
    const dir = await files.realPath(memoryPodDir(rootDir, uid));
    // The visible directory used to be a link, through which other kubelets mounted their volumes.
    await unmountBelow(dir, mounter, signal);
    await files.removeTree(dir);
  }

  async #make(dir: string, signal: AbortSignal): Promise<void> {
    const { rootDir, files } = this.#options;
    const base = memoryBase(rootDir);
    if (this.#isKnown && files.makeMemoryDir(base, dir)) return;
    await (this.#mounting ??= this.#mount());
    signal.throwIfAborted();
    if (files.makeMemoryDir(base, dir)) return;
    throw new VolumeError(
      'VOLUME_MOUNT',
      `${base} is gone: another program unmounts or removes it`,
    );
  }

  /** Shared by all callers: it continues when the signal of the first caller fires. */
  async #mount(): Promise<void> {
    try {
      await this.#mountOnce(new AbortController().signal);
    } finally {
      this.#mounting = undefined;
    }
  }

  async #mountOnce(signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounter, nodeMemoryBytes } = this.#options;
    const path = memoryMount(rootDir);
    await files.makeEmptyDir(path);
    if (!(await mounter.isMountPoint(path))) {
      // The root directory was copied: these files would pass for memory once the mount is gone.
      // The directory itself stays, because a mount that is hidden below another may be on it.
      await files.removeTree(memoryBase(rootDir));
      const sizeBytes = nodeMemoryBytes?.();
      const size = sizeBytes !== undefined && sizeBytes > 0 && { sizeBytes };
      await mounter.mountTmpfs(path, { ...size, mode: 0o750 }, signal);
    }
    files.makeMemoryDir(path, memoryBase(rootDir));
    this.#isKnown = true;
  }
}
