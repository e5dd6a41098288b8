/** One line of `/proc/PID/mountinfo`, as proc_pid_mountinfo(5) describes it. */
export interface MountPoint {
  readonly path: string;
  /** The file system's device, `major:minor`, which identifies it on this machine. */
  readonly device: string;
  /** The part of the file system that is mounted: `/` for all of it. */
  readonly root: string;
  readonly fsType: string;
  /** Options of the file system. For cgroups of version 1 they include the hierarchy's controllers. */
  readonly options: readonly string[];
  /** True if mounts below it show in the namespaces that share it, e.g. in other containers. */
  readonly isShared: boolean;
}

/**
 * Reads mount points, in the order in which they were mounted, from `/proc/<pid>/mountinfo`.
 *
 * @see proc_pid_mountinfo(5); blanks in paths are octal escapes
 */
export function parseMountinfo(text: string): readonly MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const path = fields[4];
    const separator = fields.indexOf('-', 6);
    if (path === undefined || separator < 0) return [];
    const mount = {
      path: unescaped(path),
      device: fields[2] ?? '',
      root: unescaped(fields[3] ?? ''),
      fsType: fields[separator + 1] ?? '',
      options: fields[separator + 3]?.split(',') ?? [],
      isShared: fields.slice(6, separator).some((field) => field.startsWith('shared:')),
    };
    return [mount];
  });
}

function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
