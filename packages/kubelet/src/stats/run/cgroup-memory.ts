import type { CgroupUsage, LimitFigures } from '@nodeagent/cgroups';

import { type CpuSample, nextCpuSample } from '../plan/cpu-rate.js';

interface Remembered {
  sample: CpuSample | undefined;
  limits: LimitFigures;
  limitsUntilMs: number;
}

/** Limits change when somebody resizes a pod: they are a third of a cgroup's files. */
const LIMITS_MS = 60_000;

/** What rates and limits need to know of earlier readings; forgotten with their cgroups. */
export class CgroupMemory {
  readonly #known = new Map<string, Remembered>();
  readonly #seen = new Set<string>();

  /** As read lately. */
  limitsOf(path: string, nowMs: number): LimitFigures | undefined {
    const known = this.#known.get(path);
    return known !== undefined && nowMs < known.limitsUntilMs ? known.limits : undefined;
  }

  /** @returns how much CPU was used of late, where that is known */
  next(path: string, { atMs, cpu, limits }: CgroupUsage, nowMs: number): number | undefined {
    this.#seen.add(path);
    const known = this.#known.get(path);
    const sample = cpu && nextCpuSample(known?.sample, { atMs, usageNs: cpu.usageNs });
    if (known === undefined) {
      this.#known.set(path, { sample, limits, limitsUntilMs: nowMs + LIMITS_MS });
    } else {
      known.sample = sample;
      if (known.limits !== limits) known.limitsUntilMs = nowMs + LIMITS_MS;
      known.limits = limits;
    }
    return sample?.nanoCores;
  }

  /** Forgets what was not read since the last time. */
  sweep(): void {
    for (const path of this.#known.keys()) if (!this.#seen.has(path)) this.#known.delete(path);
    this.#seen.clear();
  }
}
