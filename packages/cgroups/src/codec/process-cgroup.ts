/**
 * The cgroup that accounts for a process, from /proc/<pid>/cgroup: the init system's in version 1,
 * which the other hierarchies follow where it accounts for the process.
 *
 * @returns undefined where CPU and memory are accounted for in different places
 * @see Kubernetes 1.36 pkg/kubelet/cm/container_manager_linux.go, getContainer
 */
export function parseAccountedCgroup(text: string): string | undefined {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    for (const controller of controllers.split(',')) paths.set(controller, path.join(':'));
  }
  const [cpu, memory] = [paths.get('cpu'), paths.get('memory')];
  if (cpu === undefined && memory === undefined) return parseProcessCgroup(text);
  return cpu === memory ? (paths.get('name=systemd') ?? cpu) : undefined;
}

/**
 * The cgroup of a process as a path that all hierarchies know, from /proc/<pid>/cgroup: that of the
 * memory controller, or of version 2.
 */
export function parseProcessCgroup(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.split(':'));
  const v1 = lines.find(([, controllers = '']) => controllers.split(',').includes('memory'));
  const v2 = lines.find(([hierarchy, controllers]) => hierarchy === '0' && controllers === '');
  return (v1 ?? v2)?.slice(2).join(':');
}
