import { isVolumeError, VolumeError } from '../../volumes/index.js';
import { diskFormat, joinOptions, mkfsCommand } from '../plan/file-systems.js';
import type { StorageCommands } from '../ports.js';
import { assertOnlyMount, isMounted, type MountedPorts } from './mounted.js';

type Command = readonly [program: string, ...rest: string[]];

export interface MountCommandsOptions extends MountedPorts {
  readonly commands: StorageCommands;
}

/** The parameters of a mount. */
export interface MountRequest {
  readonly source: string;
  readonly target: string;
  /** Empty for a bind mount. */
  readonly fsType: string;
  readonly options: readonly string[];
}

/** File servers and very large disks may be slow. */
const TIMEOUT_MS = 10 * 60_000;
/** @see Kubernetes 1.36 pkg/volume/nfs/nfs.go, unMountTimeout */
const UMOUNT_MS = 60_000;
/** @see fsck(8) */
const FSCK_UNCORRECTED = 4;

/** Mounts by programs in their own processes, so that a hanging one blocks nothing else. */
export class MountCommands {
  readonly #options: MountCommandsOptions;

  constructor(options: MountCommandsOptions) {
    this.#options = options;
  }

  isMounted(path: string): Promise<boolean> {
    return isMounted(path, this.#options);
  }

  /** @throws {VolumeError} `VOLUME_MOUNT` if something else on the machine shows its files */
  assertOnlyMount(path: string): Promise<void> {
    return assertOnlyMount(path, this.#options);
  }

  /** @throws {VolumeError} `VOLUME_MOUNT` with the arguments and the output of mount(8) */
  async mount(
    { source, target, fsType, options }: MountRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const argv = [
      ...(fsType === '' ? [] : ['-t', fsType]),
      ...(options.length === 0 ? [] : ['-o', options.join(',')]),
      ...[source, target],
    ];
    const { exitCode, output } = await this.#run(['mount', ...argv], signal);
    if (exitCode === 0) return;
    const text = `mount failed: exit status ${exitCode}\nMounting command: mount\nMounting arguments: ${argv.join(' ')}\nOutput: ${output}`;
    throw new VolumeError('VOLUME_MOUNT', text);
  }

  /** Read-only and other options need a second call: the kernel ignores them in the first. */
  async bind(
    source: string,
    target: string,
    options: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.mount({ source, target, fsType: '', options: ['bind'] }, signal);
    if (options.length === 0) return;
    const remount = ['bind', 'remount', ...joinOptions(...options)];
    try {
      await this.mount({ source, target, fsType: '', options: remount }, signal);
    } catch (error) {
      await this.unmount(target, signal); // never left writable
      throw error;
    }
  }

  /**
   * Unmounts by force if the file server does not answer.
   *
   * @throws {VolumeError} `VOLUME_MOUNT`
   */
  async unmount(path: string, signal: AbortSignal): Promise<void> {
    if (!(await this.isMounted(path))) return;
    const { commands } = this.#options;
    const limits = { timeoutMs: UMOUNT_MS };
    const first = await commands.run(['umount', path], limits, signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      return { exitCode: -1, output: String(cause) };
    });
    if (first.exitCode === 0) return;
    const { exitCode, output } = await commands.run(['umount', '-f', path], limits, signal);
    if (exitCode === 0 || !(await this.isMounted(path))) return;
    throw new VolumeError('VOLUME_MOUNT', `umount -f ${path}: ${output || first.output}`);
  }

  /**
   * Mounts a device, and creates a file system if it has none.
   *
   * @throws {VolumeError} `VOLUME_MOUNT`; `VOLUME_FORMAT` if it has another file system
   * @see Kubernetes 1.36 staging/src/k8s.io/mount-utils/mount_linux.go, formatAndMountSensitive
   */
  async formatAndMount(
    { source, target, fsType, options }: MountRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const readOnly = options.includes('ro');
    const format = await this.formatOf(source, signal);
    if (format === '') {
      if (readOnly) {
        const text = `cannot mount unformatted disk ${source} as we are manipulating it in read-only mode`;
        throw new VolumeError('VOLUME_MOUNT', text);
      }
      await this.succeed(mkfsCommand(fsType, source), signal);
    } else if (!readOnly) {
      const { exitCode, output } = await this.#run(['fsck', '-a', source], signal);
      if (exitCode === FSCK_UNCORRECTED) {
        const text = `'fsck' found errors on device ${source} but could not correct them: ${output}`;
        throw new VolumeError('VOLUME_MOUNT', text);
      }
    }
    try {
      await this.mount({ source, target, fsType, options: [...options, 'defaults'] }, signal);
    } catch (cause) {
      if (format === '' || format === fsType || !isVolumeError(cause)) throw cause;
      throw new VolumeError('VOLUME_FORMAT', cause.message, { cause });
    }
  }

  /** The file system of a device; empty for none. @throws {VolumeError} `VOLUME_MOUNT` */
  async formatOf(device: string, signal: AbortSignal): Promise<string> {
    const argv = ['blkid', '-p', '-s', 'TYPE', '-s', 'PTTYPE', '-o', 'export', device] as const;
    const { exitCode, output } = await this.#run(argv, signal);
    const format = diskFormat(exitCode, output);
    if (format !== undefined) return format;
    throw new VolumeError('VOLUME_MOUNT', `${argv.join(' ')}: exit status ${exitCode}: ${output}`);
  }

  /** @throws {VolumeError} `VOLUME_MOUNT` with the program's output */
  async succeed(argv: Command, signal: AbortSignal): Promise<void> {
    const { exitCode, output } = await this.#run(argv, signal);
    if (exitCode === 0) return;
    throw new VolumeError('VOLUME_MOUNT', `${argv.join(' ')}: exit status ${exitCode}: ${output}`);
  }

  #run(argv: Command, signal: AbortSignal): ReturnType<StorageCommands['run']> {
    return this.#options.commands.run(argv, { timeoutMs: TIMEOUT_MS }, signal);
  }
}
