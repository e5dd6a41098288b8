import type { ProjectQuotas } from '../../src/volumes/index.js';
import type { ProjectUsage } from '../../src/volumes/plan/project-quota.js';

/** A file system that counts projects, as kernels do: by the project that each directory has. */
export class MemoryQuotas implements ProjectQuotas {
  /** By directory. Others are in project 0. */
  readonly projects = new Map<string, number>();
  readonly others = new Set<number>();
  /** Bytes of files, by directory. */
  readonly bytes = new Map<string, number>();
  why: string | undefined;
  failure: Error | undefined;
  /** Directories get no project; each error names its own, as those of chattr do. */
  isReadOnly = false;
  /** Names of calls in order. */
  readonly calls: string[] = [];

  async problem(): Promise<string | undefined> {
    this.#begin('problem');
    return this.why;
  }

  async usage(_: string, only?: number): Promise<ReadonlyMap<number, ProjectUsage>> {
    this.#begin('usage');
    await Promise.resolve();
    const found = new Map<number, ProjectUsage>();
    for (const [dir, project] of this.projects) {
      if (only !== undefined && only !== project) continue;
      const { usedBytes = 0, inodesUsed = 0 } = found.get(project) ?? {};
      const more = this.bytes.get(dir) ?? 0;
      found.set(project, { usedBytes: usedBytes + more, inodesUsed: inodesUsed + 1 });
    }
    return found;
  }

  async projectsOf(paths: readonly string[]): Promise<readonly number[]> {
    this.#begin('projectsOf');
    return paths.map((path) => this.projects.get(path) ?? 0);
  }

  async assign(dir: string, project: number): Promise<void> {
    this.#begin('assign');
    if (this.isReadOnly) throw new Error(`chattr: Read-only file system while setting ${dir}`);
    this.projects.set(dir, project);
  }

  async reserved(): Promise<ReadonlySet<number>> {
    this.#begin('reserved');
    return this.others;
  }

  #begin(call: string): void {
    this.calls.push(call);
    if (this.failure !== undefined) throw this.failure;
  }
}
