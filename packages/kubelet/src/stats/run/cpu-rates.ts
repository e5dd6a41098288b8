import { type CpuSample, nextCpuSample } from '../plan/cpu-rate.js';

/** CPU rates by cgroup; forgets those that were not measured between two sweeps. */
export class CpuRates {
  #samples = new Map<string, CpuSample>();
  #seen = new Set<string>();

  next(path: string, atMs: number, usageNs: number): number | undefined {
    const sample = nextCpuSample(this.#samples.get(path), { atMs, usageNs });
    this.#samples.set(path, sample);
    this.#seen.add(path);
    return sample.nanoCores;
  }

  sweep(): void {
    for (const path of this.#samples.keys()) {
      if (!this.#seen.has(path)) this.#samples.delete(path);
    }
    this.#seen.clear();
  }
}
