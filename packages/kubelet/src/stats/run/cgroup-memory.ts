import type { CgroupUsage, LimitFigures } from '@nodeagent/cgroups';

import { type CpuSample, nextCpuSample } from '../plan/cpu-rate.js';

interface Remembered {
  sample: CpuSample | undefined;
  limits: LimitFigures;
  limitsUntilMs: number;
}

/** Limits change only when a pod is resized, and make up a third of a cgroup's files. */
const LIMITS_MS = 60_000;

/** Remembers previous readings for rates and limits, as long as their cgroups exist. */
export class CgroupMemory {
  readonly #known = new Map<string, Remembered>();
  readonly #seen = new Set<string>();

  /** Limits that were read within the last minute. */
  limitsOf(path: string, nowMs: number): LimitFigures | undefined {
    const known = this.#known.get(path);
    return known !== undefined && nowMs < known.limitsUntilMs ? known.limits : undefined;
  }

  /** @returns the current CPU rate, if it is known */
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

  /** Forgets the cgroups that were not read since the last sweep. */
  sweep(): void {
    for (const path of this.#known.keys()) if (!this.#seen.has(path)) this.#known.delete(path);
    this.#seen.clear();
  }
}
