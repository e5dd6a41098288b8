import type { Clock } from '@nodeagent/base';

import type { ContainerId } from '../model/ids.js';
import type {
  ContainerStats,
  ContainerStatsFilter,
  SandboxStats,
  SandboxStatsFilter,
} from '../model/stats.js';
import type { MemoryPods } from './memory-pods.js';
import { type ContainerRecord, hasLabels, matchesContainer, stateOf } from './memory-state.js';
import { containerStatsOf, type MemoryUsageOptions, sandboxStatsOf } from './memory-stats.js';

/** Resource use of the containers in memory, as tests have set it. */
export class MemoryFigures {
  readonly #pods: MemoryPods;
  readonly #clock: Clock;
  readonly #usage = new Map<string, MemoryUsageOptions>();

  constructor(pods: MemoryPods, clock: Clock) {
    this.#pods = pods;
    this.#clock = clock;
  }

  set(id: ContainerId, usage: MemoryUsageOptions): void {
    this.#usage.set(id, usage);
  }

  of(record: ContainerRecord): ContainerStats {
    return containerStatsOf(record, this.#usage.get(record.id) ?? {}, this.#clock.nowMs());
  }

  /** Only of containers that run. */
  containers(filter: ContainerStatsFilter): readonly ContainerStats[] {
    return [...this.#pods.containers.values()]
      .filter((record) => stateOf(record) === 'running' && matchesContainer(record, filter))
      .map((record) => this.of(record));
  }

  sandboxes({ id, labels }: SandboxStatsFilter): readonly SandboxStats[] {
    return [...this.#pods.sandboxes.values()]
      .filter((record) => id === undefined || record.id === id)
      .filter((record) => hasLabels(record.config.labels, labels))
      .map((record) => {
        const containers = this.containers({ sandboxId: record.id });
        return sandboxStatsOf(record, containers, this.#clock.nowMs());
      });
  }
}
