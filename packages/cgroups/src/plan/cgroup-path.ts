/** How paths are written: by name alone, or as systemd nests its slices. */
export type CgroupDriver = 'cgroupfs' | 'systemd';

/**
 * A cgroup as its names from the root, `['kubepods', 'burstable', 'pod1234']`, written as a path in
 * the driver's syntax. systemd nests slices by name, and keeps `-` for that.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/cgroup_manager_linux.go
 */
export function cgroupPath(names: readonly string[], driver: CgroupDriver): string {
  if (driver === 'cgroupfs') return `/${names.join('/')}`;
  const escaped = names.map((name) => name.replaceAll('-', '_'));
  return escaped.map((_, at) => `/${escaped.slice(0, at + 1).join('-')}.slice`).join('');
}
