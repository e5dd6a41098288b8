/**
 * Candidate paths of a container's cgroup below its pod's: for containerd and CRI-O, with either
 * cgroup driver.
 *
 * @see containerd pkg/cri/server/helpers.go, getCgroupsPath; runc libcontainer/cgroups/systemd
 */
export function containerCgroups(parent: string, id: string): readonly string[] {
  const slice = parent.endsWith('.slice');
  return slice
    ? [`${parent}/cri-containerd-${id}.scope`, `${parent}/crio-${id}.scope`]
    : [`${parent}/${id}`];
}

/** The process id in the verbose info that a runtime returns for an object. */
export function processInInfo(info: Readonly<Record<string, string>>): number | undefined {
  const pid = fieldOf(info['info'], 'pid');
  return typeof pid === 'number' && pid > 0 ? pid : undefined;
}

/** The sandbox image in containerd's verbose status. */
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
    return undefined; // each runtime chooses the format of its info
  }
}
