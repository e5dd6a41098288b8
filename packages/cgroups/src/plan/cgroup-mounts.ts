import type { MountPoint } from '@nodeagent/base';

/** Where cgroups are mounted. */
export type CgroupMounts =
  | Readonly<{ version: 2 }>
  | Readonly<{
      version: 1;
      /** By controller: the mount point of its hierarchy. */
      controllers: ReadonlyMap<string, string>;
      /** All mount points, also of hierarchies without a controller; each once. */
      hierarchies: readonly string[];
    }>;

/** Controllers that this package sets limits with. */
export const CGROUP_CONTROLLERS = ['cpu', 'memory', 'pids', 'cpuset', 'hugetlb'] as const;

/** Controllers of version 1 that only count: a process joins them too, so that it is counted. */
export const ACCOUNTING_CONTROLLERS = ['cpuacct', 'blkio'] as const;

/**
 * Finds the cgroup hierarchies among the mounts of a process. A directory is no evidence: only a mount
 * shows that there is a hierarchy.
 *
 * @param mountpoint version 2 is mounted here, hierarchies of version 1 below
 */
export function cgroupMounts(mounts: readonly MountPoint[], mountpoint: string): CgroupMounts {
  if (mounts.findLast(({ path }) => path === mountpoint)?.fsType === 'cgroup2') {
    return { version: 2 };
  }
  const below = mounts.filter(({ path, fsType }, at) => {
    const isCgroup = fsType === 'cgroup' || fsType === 'cgroup2';
    return isCgroup && path.startsWith(`${mountpoint}/`) && !isHidden(path, mounts.slice(at + 1));
  });
  const controllers = new Map<string, string>();
  for (const { path, fsType, options } of below) {
    if (fsType === 'cgroup') for (const option of options) controllers.set(option, path);
  }
  return { version: 1, controllers, hierarchies: [...new Set(below.map(({ path }) => path))] };
}

/** True if a later mount is in its place or above it. */
function isHidden(path: string, later: readonly MountPoint[]): boolean {
  return later.some((mount) => path === mount.path || path.startsWith(`${mount.path}/`));
}

/** Controllers without which no cgroup is made: limits of CPU and memory, and what they count. */
const NEEDED = ['cpu', 'cpuacct', 'cpuset', 'memory'] as const;

/** Controllers that are needed and that no hierarchy has; version 2 has them all. */
export function missingControllers(mounts: CgroupMounts): readonly string[] {
  if (mounts.version === 2) return [];
  return NEEDED.filter((controller) => !mounts.controllers.has(controller));
}
