import type { Mounter } from '../../volumes/index.js';
import type { StorageFiles } from '../ports.js';

export interface MountedPorts {
  readonly files: Pick<StorageFiles, 'kindOf' | 'realPath'>;
  readonly mounter: Pick<Mounter, 'list'>;
}

/**
 * Searches the kernel's mount table, which contains real paths. The path itself is never accessed:
 * a file server may not answer.
 */
export async function isMounted(path: string, { files, mounter }: MountedPorts): Promise<boolean> {
  const at = path.lastIndexOf('/');
  const parent = path.slice(0, at);
  if ((await files.kindOf(parent)) === undefined) return false;
  const real = `${await files.realPath(parent)}${path.slice(at)}`;
  return (await mounter.list()).some((mount) => mount.path === real);
}
