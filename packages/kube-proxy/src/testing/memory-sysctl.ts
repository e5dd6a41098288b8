import { ProxyError } from '../model/errors.js';
import type { Sysctl } from '../ports.js';

/** Kernel settings in memory; like the kernel, it has a fixed set of keys. */
export class MemorySysctl implements Sysctl {
  readonly values: Map<string, string>;

  constructor(initial: Readonly<Record<string, string>>) {
    this.values = new Map(Object.entries(initial));
  }

  async read(key: string): Promise<string> {
    const value = this.values.get(key);
    if (value === undefined) throw new ProxyError('PROXY_SYSCTL', `${key}: no such setting`);
    return value;
  }

  async write(key: string, value: string): Promise<void> {
    await this.read(key);
    this.values.set(key, value);
  }
}
