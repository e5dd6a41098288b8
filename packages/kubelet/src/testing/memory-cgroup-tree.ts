import type { CgroupLimits, CgroupTree, CgroupValues } from '../resources/index.js';

/** Cgroups in memory: they have the limits that they were last given, and no processes. */
export class MemoryCgroupTree implements CgroupTree {
  /** By path: `/kubepods/burstable/pod1`. */
  readonly cgroups = new Map<string, CgroupValues>();

  async ensure(names: readonly string[], values: CgroupValues): Promise<void> {
    for (let depth = 1; depth < names.length; depth += 1) {
      const above = pathOf(names.slice(0, depth));
      if (!this.cgroups.has(above)) this.cgroups.set(above, {});
    }
    const path = pathOf(names);
    this.cgroups.set(path, { ...this.cgroups.get(path), ...values });
  }

  async limits(names: readonly string[]): Promise<CgroupLimits | undefined> {
    const found = this.cgroups.get(pathOf(names));
    if (found === undefined) return undefined;
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  }

  async memoryUsage(names: readonly string[]): Promise<number | undefined> {
    return this.cgroups.has(pathOf(names)) ? 0 : undefined;
  }

  async children(names: readonly string[]): Promise<readonly string[]> {
    const prefix = `${pathOf(names)}/`;
    return [...this.cgroups.keys()]
      .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
      .map((path) => path.slice(prefix.length));
  }

  async kill(): Promise<void> {
    // nothing runs in memory
  }

  async remove(names: readonly string[]): Promise<void> {
    const path = pathOf(names);
    for (const one of [...this.cgroups.keys()]) {
      if (one === path || one.startsWith(`${path}/`)) this.cgroups.delete(one);
    }
  }
}

function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`;
}
