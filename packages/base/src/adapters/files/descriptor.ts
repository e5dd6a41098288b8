import { constants, readFileSync } from 'node:fs';

/** Linux' O_PATH: names a place without opening what is there. @see open(2) */
export const O_PATH = 0o10000000;

/** A place, whatever is there; a link itself, not what it leads to. */
export const PLACE = O_PATH | constants.O_NOFOLLOW;

/** A directory, never one that a link leads to. */
export const DIRECTORY_ITSELF = PLACE | constants.O_DIRECTORY;

/** What an open descriptor refers to, whatever names it has by now. @see proc_pid_fd(5) */
export function pathOfDescriptor(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * An entry of an open directory: what the `…at` calls, which Node.js does not have, call by a
 * descriptor and a name.
 *
 * @param name each byte one character
 */
export function pathInDirectory(fd: number, name: string): Buffer {
  return Buffer.from(`${pathOfDescriptor(fd)}/${name}`, 'latin1');
}

/**
 * The mount that a descriptor is on; bind mounts of one file system differ. It never waits: the
 * kernel answers from memory.
 *
 * @see proc_pid_fdinfo(5), `mnt_id`
 */
export function mountOf(fd: number): string | undefined {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  return /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
}
