/** A mount in this process's mount namespace. */
export interface MountEntry {
  readonly path: string;
  /** The path inside the mounted file system: `/` for all of it. */
  readonly root: string;
  readonly fsType: string;
  /** The device, if there is one. */
  readonly source: string;
  readonly readonly: boolean;
}

/**
 * Mounts in mount order: if several are at one path, the last one is visible.
 *
 * @param text of `/proc/self/mountinfo`
 * @see proc_pid_mountinfo(5); blanks in paths are octal escapes
 */
export function parseMounts(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const [, , , root, path, options] = fields;
    const separator = fields.indexOf('-', 6);
    if (root === undefined || path === undefined || separator < 0) return [];
    return {
      path: unescaped(path),
      root: unescaped(root),
      fsType: fields[separator + 1] ?? '',
      source: unescaped(fields[separator + 2] ?? ''),
      readonly: options?.split(',').includes('ro') ?? false,
    };
  });
}

function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
