/**
 * Where a container's cgroup may be below its pod's: containerd and CRI-O, with either driver.
 *
 * @see containerd pkg/cri/server/helpers.go, getCgroupsPath; runc libcontainer/cgroups/systemd
 */
export function containerCgroups(parent: string, id: string): readonly string[] {
  const slice = parent.endsWith('.slice');
  return slice
    ? [`${parent}/cri-containerd-${id}.scope`, `${parent}/crio-${id}.scope`]
    : [`${parent}/${id}`];
}

/** The process id in what a runtime tells of an object when asked for everything. */
export function processInInfo(info: Readonly<Record<string, string>>): number | undefined {
  const pid = fieldOf(info['info'], 'pid');
  return typeof pid === 'number' && pid > 0 ? pid : undefined;
}

/** The image of sandboxes in what containerd tells of itself. */
export function sandboxImageInInfo(info: Readonly<Record<string, string>>): string {
  const image = fieldOf(info['config'], 'sandboxImage');
  return typeof image === 'string' ? image : '';
}

function fieldOf(json: string | undefined, name: string): unknown {
  if (json === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    return undefined; // a runtime's own words, in whatever form it likes
  }
}
