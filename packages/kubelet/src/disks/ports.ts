export type PathKind = 'directory' | 'file' | 'link' | 'block device' | 'other';

/** Files beside the mounts of volumes. */
export interface StorageFiles {
  /** Creates a directory that only root can access, with its parents. */
  makeDirectory(path: string): Promise<void>;
  /** Creates an empty file as a mount point, in an existing directory; an existing file stays. */
  makeFile(path: string): Promise<void>;
  /** Creates a symbolic link with its parent directories; replaces one with another target. */
  link(path: string, target: string): Promise<void>;
  /** @returns undefined if there is no such file */
  readText(path: string): Promise<string | undefined>;
  /** Replaces the text atomically: readers see the old text or the new one. */
  writeText(path: string, text: string): Promise<void>;
  /** Removes a file of `writeText`, and the temporary file of a killed process. */
  removeText(path: string): Promise<void>;
  /**
   * Removes one file, link or empty directory; it may be missing.
   *
   * @throws if the directory is not empty
   */
  remove(path: string): Promise<void>;
  /** Names of directories; empty if there is no such path. */
  subdirectories(path: string): Promise<readonly string[]>;
  /** All names in a directory; empty if there is no such path. */
  names(path: string): Promise<readonly string[]>;
  /** The kind of file at a path, without following links; undefined if there is none. */
  kindOf(path: string): Promise<PathKind | undefined>;
  /**
   * The group that owns the target of a path.
   *
   * @throws if there is none
   */
  groupOf(path: string): Promise<number>;
  /**
   * The path without links.
   *
   * @throws if nothing exists there
   */
  realPath(path: string): Promise<string>;
}

export interface CommandOutcome {
  readonly exitCode: number;
  /** Both streams together. */
  readonly output: string;
}

/**
 * Programs of the machine, such as mount(8), umount(8) and those of file systems; each runs in its
 * own process.
 */
export interface StorageCommands {
  /**
   * @param limits a program that takes longer is killed
   * @throws {VolumeError} `VOLUME_MOUNT` if the program is missing or took too long
   */
  run(
    argv: readonly [program: string, ...rest: string[]],
    limits: Readonly<{ timeoutMs: number }>,
    signal: AbortSignal,
  ): Promise<CommandOutcome>;
}

/** Loop devices. A loop device on a device's file keeps that device open. */
export interface LoopDevices {
  /**
   * The loop device on this file or device, created if there is none.
   *
   * @throws {VolumeError} `VOLUME_MOUNT`
   */
  attach(path: string): Promise<string>;
  /** Safe to repeat. @throws {VolumeError} `VOLUME_MOUNT` */
  detach(path: string): Promise<void>;
}
