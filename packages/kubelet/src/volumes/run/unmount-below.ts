import { VolumeError } from '../model/errors.js';
import { mountsBelow } from '../plan/mount-of.js';
import type { Mounter } from '../ports.js';

/**
 * Unmounts everything below a directory, given without links.
 *
 * @throws {VolumeError} `VOLUME_MOUNT` if anything stays mounted
 */
export async function unmountBelow(
  dir: string,
  mounter: Mounter,
  signal: AbortSignal,
): Promise<void> {
  const mounts = mountsBelow(await mounter.list(), dir);
  if (mounts.length === 0) return;
  // The last mount first: a bind mount before the mount that it is part of.
  for (const path of mounts.toReversed()) await mounter.unmount(path, signal);
  const [left] = mountsBelow(await mounter.list(), dir);
  // Removing the directory now would delete the content of the mount: the user's data.
  if (left !== undefined) throw new VolumeError('VOLUME_MOUNT', `${left} is still mounted`);
}
