import type { Stats } from 'node:fs';
import { chmod, chown, type FileHandle, open, stat } from 'node:fs/promises';

import {
  type LeftDirectory,
  pathOfDescriptor,
  PLACE,
  type TreeEntry,
  type TreeVisitor,
  walkTree,
} from '@nodeagent/base/files';

import type { GroupChange, GroupListener } from '../ports.js';

const SETGID = 0o2000;
const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const ENTER = 0o110;

/**
 * Gives everything in a volume to a group. The group may read and write (only read, in a read-only
 * volume), and files created later in its directories belong to it too. Links change their group
 * and are not followed. Everything is changed through a descriptor, since processes that use the
 * volume may exchange names meanwhile. Other mounts inside the volume stay as they are.
 *
 * @throws the file system's refusal, unless the listener takes it; if a directory cannot be read
 * @see Kubernetes 1.36 pkg/volume/volume_linux.go, VolumeOwnership
 */
export async function changeGroup(
  path: string,
  change: GroupChange,
  listener?: GroupListener,
): Promise<void> {
  const root = await open(path, PLACE);
  try {
    const found = await root.stat();
    if (change.policy === 'OnRootMismatch' && isGiven(found, change)) return;
    const giver = new Giver(change, listener);
    const options = {
      otherMounts: 'skipped',
      ...(listener && { signal: listener.signal }),
    } as const;
    if (found.isDirectory()) await walkTree({ fd: root.fd }, giver, options);
    await giver.give(root.fd, found);
  } finally {
    await root.close();
  }
}

function isGiven({ gid, mode }: Stats, change: GroupChange): boolean {
  const wanted = bitsOf(change) | SETGID | ENTER;
  return gid === change.gid && (mode & wanted) === wanted;
}

/**
 * Changes the content of a directory before the directory, so that a directory with the group is
 * known to be complete.
 */
class Giver implements TreeVisitor {
  readonly #change: GroupChange;
  readonly #listener: GroupListener | undefined;

  constructor(change: GroupChange, listener: GroupListener | undefined) {
    this.#change = change;
    this.#listener = listener;
  }

  async visit({ path, isDirectory }: TreeEntry): Promise<'enter' | 'stays' | 'gone'> {
    if (isDirectory) return 'enter';
    let entry: FileHandle;
    try {
      entry = await open(path, PLACE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
      throw error;
    }
    try {
      await this.give(entry.fd, await entry.stat());
      return 'stays';
    } finally {
      await entry.close();
    }
  }

  async leave({ fd }: LeftDirectory): Promise<'stays'> {
    await this.give(fd, await stat(pathOfDescriptor(fd)));
    return 'stays';
  }

  async give(fd: number, found: Stats): Promise<void> {
    try {
      await this.#changeOne(fd, found);
    } catch (error) {
      if (this.#listener === undefined) throw error;
      this.#listener.onRefused(error);
    }
    this.#listener?.onFile();
  }

  async #changeOne(fd: number, found: Stats): Promise<void> {
    const { gid } = this.#change;
    const self = pathOfDescriptor(fd);
    await chown(self, found.uid, gid);
    // The kernel has no modes for links; chmod would change the link's target.
    if (found.isSymbolicLink()) return;
    const mode = found.mode & 0o7777;
    const more = bitsOf(this.#change) | (found.isDirectory() ? SETGID | ENTER : 0);
    if ((mode | more) !== mode || gid !== found.gid) await chmod(self, mode | more);
  }
}

function bitsOf({ readOnly }: GroupChange): number {
  return readOnly ? READ_ONLY : READ_WRITE;
}
