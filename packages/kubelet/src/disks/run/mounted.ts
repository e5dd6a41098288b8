import { type Mounter, otherMounts, VolumeError } from '../../volumes/index.js';
import type { StorageFiles } from '../ports.js';

export interface MountedPorts {
  readonly files: Pick<StorageFiles, 'kindOf' | 'realPath'>;
  readonly mounter: Pick<Mounter, 'list'>;
}

/**
 * Searches the kernel's mount table, which contains real paths. The path itself is never accessed:
 * a file server may not answer.
 */
export async function isMounted(path: string, ports: MountedPorts): Promise<boolean> {
  const real = await realPathOf(path, ports);
  if (real === undefined) return false;
  return (await ports.mounter.list()).some((mount) => mount.path === real);
}

/**
 * A volume must not leave the node while something else on the machine, such as an administrator's
 * mount, shows its files.
 *
 * @param isKnown true for a mount of another volume: those of one file server show the same files
 * @throws {VolumeError} `VOLUME_MOUNT`
 */
export async function assertOnlyMount(
  path: string,
  ports: MountedPorts,
  isKnown: (path: string) => boolean = () => false,
): Promise<void> {
  const real = await realPathOf(path, ports);
  if (real === undefined) return;
  const others = otherMounts(await ports.mounter.list(), real).filter((one) => !isKnown(one));
  if (others.length === 0) return;
  const text = `GetDeviceMountRefs check failed: the device mount path "${path}" is still mounted by other references [${others.join(' ')}]`;
  throw new VolumeError('VOLUME_MOUNT', text);
}

/** @returns undefined if its directory does not exist */
async function realPathOf(path: string, { files }: MountedPorts): Promise<string | undefined> {
  const at = path.lastIndexOf('/');
  const parent = path.slice(0, at);
  if ((await files.kindOf(parent)) === undefined) return undefined;
  return `${await files.realPath(parent)}${path.slice(at)}`;
}
