import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The kernel's defaults of settings that a kubelet changes for the whole machine. */
const DEFAULTS = {
  'vm/overcommit_memory': 0,
  'vm/panic_on_oom': 0,
  'kernel/panic': 0,
  'kernel/panic_on_oops': 0,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
} as const;

/** Names the directory to a kubelet that must leave the machine's own settings alone. */
export const PROC_SYS = 'NODEAGENT_PROC_SYS';

/** Files that a kubelet may change in place of those in `/proc/sys`. */
export async function createProcSys(directory: string): Promise<string> {
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${value}\n`);
  }
  return directory;
}
