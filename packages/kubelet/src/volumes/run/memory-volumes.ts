import type { PathSegment } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { type PodUid, podUid } from '../../pod/index.js';
import { VolumeError } from '../model/errors.js';
import {
  type ManagedKind,
  managedVolumeDir,
  memoryBase,
  memoryMount,
  memoryPodDir,
  memoryVolumeDir,
  memoryVolumeLink,
} from '../model/pod-paths.js';
import type { Mounter, VolumeFiles } from '../ports.js';
import { unmountBelow } from './unmount-below.js';

export interface MemoryVolumesOptions {
  readonly rootDir: string;
  readonly files: VolumeFiles;
  readonly mounter: Mounter;
  /** Limit on their total size; none if absent. */
  readonly nodeMemoryBytes?: () => number | undefined;
}

/**
 * Directories for content from the API that must not touch a disk, in one memory file system for
 * all pods. The directory that other kubelets use for such a volume is a link to it.
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

  /** @returns the directory for the volume's files */
  async make(
    pod: Pod,
    place: Readonly<{ kind: ManagedKind; name: PathSegment }>,
    signal: AbortSignal,
  ): Promise<string> {
    const { rootDir, files, mounter } = this.#options;
    const visible = managedVolumeDir(rootDir, podUid(pod), place);
    const dir = memoryVolumeDir(rootDir, podUid(pod), place);
    const target = memoryVolumeLink(rootDir, podUid(pod), place);
    if ((await files.link(visible, target)) === 'occupied') {
      // Another kubelet's mount, which its containers keep using.
      if (await mounter.isMountPoint(visible)) return visible;
      await files.removeTree(visible);
      await files.link(visible, target);
    }
    const base = memoryBase(rootDir);
    if (this.#isKnown && files.makeMemoryDir(base, dir)) return dir;
    await (this.#mounting ??= this.#mount());
    signal.throwIfAborted();
    if (files.makeMemoryDir(base, dir)) return dir;
    throw new VolumeError(
      'VOLUME_MOUNT',
      `${base} is gone: another program unmounts or removes it`,
    );
  }

  async remove(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounter } = this.#options;
    const dir = await files.realPath(memoryPodDir(rootDir, uid));
    // Another kubelet that follows our links mounts its own volumes there.
    await unmountBelow(dir, mounter, signal);
    await files.removeTree(dir);
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
