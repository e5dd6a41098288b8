import { constants, readFileSync } from 'node:fs';

/** Linux's O_PATH: refers to a place without opening what is there. @see open(2) */
export const O_PATH = 0o10000000;

/** Refers to any kind of file; for a symbolic link, to the link itself and not to its target. */
export const PLACE = O_PATH | constants.O_NOFOLLOW;

/** Refers to a directory only, and does not follow a symbolic link. */
export const DIRECTORY_ITSELF = PLACE | constants.O_DIRECTORY;

/**
 * Returns the path by which `/proc` gives access to an open descriptor, even after the file was
 * renamed.
 *
 * @see proc_pid_fd(5)
 */
export function pathOfDescriptor(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * Returns the path of an entry in an open directory. It replaces the `…at` system calls, which
 * Node.js lacks.
 *
 * @param name each byte one character
 */
export function pathInDirectory(fd: number, name: string): Buffer {
  return Buffer.from(`${pathOfDescriptor(fd)}/${name}`, 'latin1');
}

/**
 * Returns the id of the mount that a descriptor is on; bind mounts of one file system have
 * different ids. The call never waits: the kernel answers from memory.
 *
 * @see proc_pid_fdinfo(5), `mnt_id`
 */
export function mountOf(fd: number): string | undefined {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  return /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
}
