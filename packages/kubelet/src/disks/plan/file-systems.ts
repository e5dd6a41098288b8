import { VolumeError } from '../../volumes/index.js';

/** As arguments of mount(8): sorted, each once. @see Kubernetes 1.36 pkg/volume/util/util.go, JoinMountOptions */
export function joinOptions(...options: readonly string[]): readonly string[] {
  return [...new Set(options)].sort();
}

/**
 * Reads `blkid -p -s TYPE -s PTTYPE -o export`.
 *
 * @returns the file system; `unknown data, probably partitions` for a partition table; empty for a
 *   device without either
 * @see Kubernetes 1.36 staging/src/k8s.io/mount-utils/mount_linux.go, GetDiskFormat
 */
export function diskFormat(exitCode: number, output: string): string | undefined {
  if (exitCode === 2) return '';
  if (exitCode !== 0) return undefined;
  const fields = new Map(
    output.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
  if (fields.has('PTTYPE')) return 'unknown data, probably partitions';
  return fields.get('TYPE') ?? '';
}

/** The command that makes a file system. */
export function mkfsCommand(
  fsType: string,
  device: string,
): readonly [program: string, ...rest: string[]] {
  if (fsType === 'ext3' || fsType === 'ext4') return [`mkfs.${fsType}`, '-F', '-m0', device];
  return fsType === 'xfs' ? ['mkfs.xfs', '-f', device] : [`mkfs.${fsType}`, device];
}

/** The command that grows a file system to its device; undefined if nothing is to be done. */
export function resizeCommand(
  fsType: string,
  { device, dir }: Readonly<{ device: string; dir: string }>,
): readonly [program: string, ...rest: string[]] | undefined {
  switch (fsType) {
    case '':
      return undefined;
    case 'ext3':
    case 'ext4':
      return ['resize2fs', device];
    case 'xfs':
      return ['xfs_growfs', '-d', dir];
    case 'btrfs':
      return ['btrfs', 'filesystem', 'resize', 'max', dir];
    default:
      throw new VolumeError(
        'VOLUME_UNSUPPORTED',
        `resize of format ${fsType} is not supported for device ${device} mounted at ${dir}`,
      );
  }
}

/** The message of a failed NFS mount, with the package to install if a program is missing. */
export function nfsFailure(output: string): string {
  const lacks = /unknown filesystem type|helper program|bad option; for several/.test(output);
  const text = output.trim();
  if (!lacks) return text;
  return `${text}: this machine cannot mount NFS; install mount.nfs (package nfs-common or nfs-utils)`;
}

/** Source of an NFS mount. */
export function nfsSource(server: string, path: string): string {
  return `${server.includes(':') ? `[${server}]` : server}:${path}`;
}
