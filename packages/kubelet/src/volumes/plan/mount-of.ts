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

const PLUGINS = '/plugins/kubernetes.io/';

/**
 * Other mounts of what is visible at a path: unmounting it there does not free it. The places where
 * kubelets mount volumes for the whole node do not count: another volume of the same file server is
 * mounted there, or this one, seen by another way.
 *
 * @param mounts in mount order
 * @param path absolute, without links
 * @see Kubernetes 1.36 staging/src/k8s.io/mount-utils, SearchMountPoints and HasMountRefs
 */
export function otherMounts(mounts: readonly MountPoint[], path: string): readonly string[] {
  const own = mountOf(mounts, path);
  if (own === undefined) return [];
  const below = path.slice(own.path === '/' ? 0 : own.path.length);
  const root = `${own.root === '/' ? '' : own.root}${below}` || '/';
  return mounts
    .filter((mount) => mount.device === own.device && mount.root === root)
    .map((mount) => mount.path)
    .filter((one) => one !== path && !one.includes(PLUGINS));
}

function isWithin(path: string, dir: string): boolean {
  return path === dir || dir === '/' || path.startsWith(`${dir}/`);
}
