import type {
  ContainerStats,
  Metric,
  MetricDescriptor,
  SandboxMetrics,
  SandboxStats,
} from '../model/stats.js';
import type { MemoryPods } from './memory-pods.js';
import type { ContainerRecord, SandboxRecord } from './memory-state.js';

/** The usage of one container that a test wants reported. */
export interface MemoryUsageOptions {
  readonly cpuCoreNs?: number;
  readonly cpuNanoCores?: number;
  readonly workingSetBytes?: number;
  readonly writableLayerBytes?: number;
}

export function containerStatsOf(
  record: ContainerRecord,
  usage: MemoryUsageOptions,
  atMs: number,
): ContainerStats {
  const { cpuCoreNs = 0, cpuNanoCores = 0, workingSetBytes = 0, writableLayerBytes = 0 } = usage;
  return {
    id: record.id,
    metadata: record.config.metadata,
    labels: record.config.labels ?? {},
    annotations: record.config.annotations ?? {},
    cpu: { atMs, usageCoreNs: cpuCoreNs, usageNanoCores: cpuNanoCores },
    memory: { atMs, workingSetBytes, usageBytes: workingSetBytes, rssBytes: workingSetBytes },
    writableLayer: { atMs, mountpoint: '/', usedBytes: writableLayerBytes, inodesUsed: 0 },
  };
}

/** Sums the usage of its containers. */
export function sandboxStatsOf(
  record: SandboxRecord,
  containers: readonly ContainerStats[],
  atMs: number,
): SandboxStats {
  const sum = (of: (stats: ContainerStats) => number | undefined): number =>
    containers.reduce((total, stats) => total + (of(stats) ?? 0), 0);
  return {
    id: record.id,
    metadata: record.config.metadata,
    labels: record.config.labels ?? {},
    annotations: record.config.annotations ?? {},
    cpu: {
      atMs,
      usageCoreNs: sum(({ cpu }) => cpu?.usageCoreNs),
      usageNanoCores: sum(({ cpu }) => cpu?.usageNanoCores),
    },
    memory: { atMs, workingSetBytes: sum(({ memory }) => memory?.workingSetBytes) },
    process: { atMs, processCount: containers.length },
    containers,
  };
}

/** The only metric. */
export const LAST_SEEN: MetricDescriptor = {
  name: 'container_last_seen',
  help: 'Time when it was last seen.',
  labelKeys: ['id'],
};

export function metricsOf(pods: MemoryPods, atMs: number): readonly SandboxMetrics[] {
  const seen = (id: string): Metric => {
    return { name: LAST_SEEN.name, atMs, type: 'gauge', labelValues: [id], value: atMs };
  };
  return [...pods.sandboxes.values()].map((record) => ({
    sandboxId: record.id,
    metrics: [seen(record.id)],
    containers: pods.containersOf(record).map(({ id }) => {
      return { containerId: id, metrics: [seen(id)] };
    }),
  }));
}
