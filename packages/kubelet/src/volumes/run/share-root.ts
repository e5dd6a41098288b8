import { mountOf } from '../plan/mount-of.js';
import type { Mounter, VolumeFiles } from '../ports.js';

export interface ShareRootPorts {
  readonly mounter: Pick<Mounter, 'list' | 'share'>;
  readonly files: Pick<VolumeFiles, 'realPath'>;
}

/**
 * Puts the root directory on a shared mount, as every kubelet wants it, so that mounts in it show in
 * containers that ask for them. The next kubelet then finds it so, and hides no mount of ours by
 * mounting the directory onto itself.
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
