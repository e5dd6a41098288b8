import type { MountPoint } from '@nodeagent/base';

import { type Mounter, VolumeError } from '../volumes/index.js';
import type { MemoryDisk, MemoryTree } from './memory-disk.js';

interface Mount {
  readonly path: string;
  readonly fsType: string;
  /** Entries below the path that show again after the unmount. */
  readonly hidden: MemoryTree;
}

/** Mounts in memory. A mount hides its directory's entries and is busy while another mount is below it. */
export class MemoryMounts implements Mounter {
  readonly #disk: MemoryDisk;
  readonly #mounts: Mount[] = [];
  readonly #held = new Set<string>();

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  /** Keeps a mount busy, as a process with its working directory there does. @returns the release */
  hold(path: string): () => void {
    this.#held.add(path);
    return () => void this.#held.delete(path);
  }

  async avoidsSwap(): Promise<boolean> {
    return true;
  }

  async mountTmpfs(path: string): Promise<void> {
    this.#mount(path, 'tmpfs');
  }

  async mountHugepages(path: string): Promise<void> {
    this.#mount(path, 'hugetlbfs');
  }

  /** The target stays empty: a file in memory has one path only. */
  async bind(_source: string, target: string): Promise<void> {
    this.#mount(target, 'bind');
  }

  async share(): Promise<void> {
    return undefined;
  }

  async unmount(path: string): Promise<void> {
    const at = this.#mounts.findLastIndex((mount) => mount.path === path);
    const mount = this.#mounts[at];
    if (mount === undefined) return;
    const isBusy = this.#held.has(path) || this.#mounts.slice(at + 1).some(isBelow(path));
    if (isBusy) throw new VolumeError('VOLUME_MOUNT', `umount ${path}: target is busy`);
    this.#mounts.splice(at, 1);
    this.#disk.take(path);
    this.#disk.put(mount.hidden);
  }

  async isMountPoint(path: string): Promise<boolean> {
    return this.#mounts.some((mount) => mount.path === path);
  }

  async list(): Promise<readonly MountPoint[]> {
    return this.#mounts.map(({ path, fsType }) => ({
      ...{ path, device: path, root: '/', fsType, options: [], isShared: false },
    }));
  }

  /** @throws {VolumeError} `VOLUME_IO` if the path or a path below it is a mount point */
  assertNone(path: string): void {
    const found = this.#mounts.find((mount) => mount.path === path || isBelow(path)(mount));
    if (found === undefined) return;
    throw new VolumeError('VOLUME_IO', `EBUSY: resource busy or locked, rmdir '${found.path}'`);
  }

  #mount(path: string, fsType: string): void {
    if (this.#disk.kindOf(path) === undefined) {
      throw new VolumeError('VOLUME_MOUNT', `mount ${path}: mount point does not exist`);
    }
    this.#mounts.push({ path, fsType, hidden: this.#disk.take(path) });
  }
}

function isBelow(path: string): (mount: Readonly<{ path: string }>) => boolean {
  return (mount) => mount.path.startsWith(`${path}/`);
}
