import type { KernelSettings } from '../node/index.js';

/** Kernel settings in memory, at first with the kernel's own defaults. */
export class MemoryKernelSettings implements KernelSettings {
  /** By path below `/proc/sys`; a test may set and remove values. */
  readonly values = new Map([
    ['vm/overcommit_memory', 0],
    ['vm/panic_on_oom', 0],
    ['kernel/panic', 0],
    ['kernel/panic_on_oops', 0],
    ['kernel/keys/root_maxkeys', 1_000_000],
    ['kernel/keys/root_maxbytes', 25_000_000],
  ]);

  async read(name: string): Promise<number> {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`ENOENT: no such file or directory, open '${name}'`);
    return value;
  }

  async write(name: string, value: number): Promise<void> {
    await this.read(name); // the kernel has no new settings either
    this.values.set(name, value);
  }
}
