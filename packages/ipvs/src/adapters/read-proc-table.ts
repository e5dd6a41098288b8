import { readFileSync } from 'node:fs';

/**
 * Reads /proc/net/ip_vs of the network namespace that this process is in, for `KernelIpvs`. The
 * read is synchronous, a page per system call: the kernel has the text in memory, and a thread for
 * each page takes longer.
 *
 * @returns undefined when the file does not exist or may not be read
 */
export async function readProcTable(): Promise<string | undefined> {
  try {
    return readFileSync('/proc/net/ip_vs', 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES') return undefined;
    throw error;
  }
}
