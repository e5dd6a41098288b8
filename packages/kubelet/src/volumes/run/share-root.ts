import { mountOf } from '../plan/mount-of.js';
import type { Mounter, VolumeFiles } from '../ports.js';

export interface ShareRootPorts {
  readonly mounter: Pick<Mounter, 'list' | 'share'>;
  readonly files: Pick<VolumeFiles, 'realPath'>;
}

/**
 * Puts the root directory on a shared mount, as every kubelet needs, so that mounts in it appear in
 * containers that request that. The next kubelet then finds the shared mount and need not mount the
 * directory onto itself, which would hide our mounts.
 *
 * @throws {VolumeError} `VOLUME_MOUNT`
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, setupDataDirs
 */
export async function shareRootDir(
  rootDir: string,
  { mounter, files }: ShareRootPorts,
  signal: AbortSignal,
): Promise<void> {
  const dir = await files.realPath(rootDir);
  if (mountOf(await mounter.list(), dir)?.isShared === true) return;
  await mounter.share(dir, signal);
}
