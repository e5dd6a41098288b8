import type { MountPoint } from '@nodeagent/base';

/**
 * The mount that a path is on.
 *
 * @param mounts in mount order
 * @param path absolute, without links
 * @see Kubernetes 1.36 pkg/volume/util/hostutil/hostutil_linux.go, findMountInfo
 */
export function mountOf(mounts: readonly MountPoint[], path: string): MountPoint | undefined {
  return mounts.findLast((mount) => isWithin(path, mount.path));
}

/** Mount points below a directory, in mount order. */
export function mountsBelow(mounts: readonly MountPoint[], dir: string): readonly string[] {
  return mounts.map(({ path }) => path).filter((path) => path !== dir && isWithin(path, dir));
}

function isWithin(path: string, dir: string): boolean {
  return path === dir || dir === '/' || path.startsWith(`${dir}/`);
}
