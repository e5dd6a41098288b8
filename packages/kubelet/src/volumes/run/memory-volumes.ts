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
  /** How large they may be in all; none when absent. */
  readonly nodeMemoryBytes?: () => number | undefined;
}

/**
 * Directories for content from the API that must not touch a disk, of all pods in one memory file
 * system. Where other kubelets have such a volume is a link to its directory.
 *
 * A file system for each volume, as others mount, is felt by the whole node: whoever starts a
 * container reads the list of all mounts several times. With the four that the runtime itself needs
 * for a pod, that is a fifth of the CPU time of starting a hundred pods; a volume would be one more of them.
 */
export class MemoryVolumes {
  readonly #options: MemoryVolumesOptions;
  #mounting: Promise<void> | undefined;
  /** By this kubelet, or found by it: what it has not looked at may be a copy on a disk. */
  #isKnown = false;

  constructor(options: MemoryVolumesOptions) {
    this.#options = options;
  }

  /** @returns where the files of the volume belong */
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
      // Another kubelet's, and what its containers go on looking at.
      if (await mounter.isMountPoint(visible)) return visible;
      await files.removeTree(visible);
      await files.link(visible, target);
    }
    const base = memoryBase(rootDir);
    if (this.#isKnown && files.makeMemoryDir(base, dir)) return dir;
    await (this.#mounting ??= this.#mount());
    signal.throwIfAborted();
    if (files.makeMemoryDir(base, dir)) return dir;
    throw new VolumeError('VOLUME_MOUNT', `${base} is gone: somebody unmounts or removes it`);
  }

  async remove(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { rootDir, files, mounter } = this.#options;
    const dir = await files.realPath(memoryPodDir(rootDir, uid));
    // Another kubelet that follows our links mounts its own volumes there.
    await unmountBelow(dir, mounter, signal);
    await files.removeTree(dir);
  }

  /** For whoever waits for it: it goes on when the first of them is told to stop. */
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
      // Of a root directory that was copied: it would pass for memory once this is unmounted. The
      // directory itself stays, as another mount of ours may be on it that a mount above it hides.
      await files.removeTree(memoryBase(rootDir));
      const sizeBytes = nodeMemoryBytes?.();
      const size = sizeBytes !== undefined && sizeBytes > 0 && { sizeBytes };
      await mounter.mountTmpfs(path, { ...size, mode: 0o750 }, signal);
    }
    files.makeMemoryDir(path, memoryBase(rootDir));
    this.#isKnown = true;
  }
}
