import { constants } from 'node:fs';
import { chmod, chown, type FileHandle, lchown, open, readdir } from 'node:fs/promises';

import type { GroupChange } from '../ports.js';

/** Linux' O_PATH: names a place without opening what is there. @see open(2) */
const O_PATH = 0o10000000;
const SETGID = 0o2000;
const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const ENTER = 0o110;

/**
 * Gives everything in a volume to a group: it may read and write (only read, in a read-only volume),
 * and what is made in a directory later belongs to it too. Links are given, not followed. Everything
 * is changed through a descriptor, since whoever uses the volume at the same time may exchange names.
 *
 * @see Kubernetes 1.36 pkg/volume/volume_linux.go, VolumeOwnership
 */
export async function changeGroup(path: string, change: GroupChange): Promise<void> {
  const root = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (change.policy === 'OnRootMismatch' && (await isGiven(root, change))) return;
    await changeBelow(root, change);
  } finally {
    await root.close();
  }
}

async function isGiven(root: FileHandle, change: GroupChange): Promise<boolean> {
  const { gid, mode } = await root.stat();
  const wanted = bitsOf(change) | SETGID | ENTER;
  return gid === change.gid && (mode & wanted) === wanted;
}

/** What is inside first, so that a directory which has the group is known to be done. */
async function changeBelow(place: FileHandle, change: GroupChange): Promise<void> {
  const found = await place.stat();
  const self = `/proc/self/fd/${place.fd}`;
  if (found.isSymbolicLink()) return;
  if (found.isDirectory()) {
    for (const name of await readdir(self)) await changeEntry(`${self}/${name}`, change);
  }
  await chown(self, found.uid, change.gid);
  const mode = found.mode & 0o7777;
  const more = bitsOf(change) | (found.isDirectory() ? SETGID | ENTER : 0);
  if ((mode | more) !== mode || change.gid !== found.gid) await chmod(self, mode | more);
}

async function changeEntry(path: string, change: GroupChange): Promise<void> {
  let entry: FileHandle;
  try {
    entry = await open(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const found = await entry.stat();
    if (found.isSymbolicLink()) await lchown(path, found.uid, change.gid);
    else await changeBelow(entry, change);
  } finally {
    await entry.close();
  }
}

function bitsOf({ readOnly }: GroupChange): number {
  return readOnly ? READ_ONLY : READ_WRITE;
}
