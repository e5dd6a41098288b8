import { readFileSync } from 'node:fs';

/**
 * /proc/net/ip_vs of the network namespace that this process is in; for `KernelIpvs`. Read in one go,
 * a page per system call: the kernel has it in memory, and a thread for each page takes longer.
 *
 * @returns undefined where there is no such file, or it may not be read
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
