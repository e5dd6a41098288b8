import type { Gauge, Metrics } from '@nodeagent/base';

import type { VolumeFigures } from '../../volumes/index.js';

type Figure = (volume: VolumeFigures) => number | undefined;

/** @see Kubernetes 1.36 pkg/kubelet/metrics/collectors/volume_stats.go */
const GAUGES: readonly (readonly [name: string, help: string, figure: Figure])[] = [
  ['capacity_bytes', 'Capacity in bytes of the volume', (one) => one.capacityBytes],
  ['available_bytes', 'Number of available bytes in the volume', (one) => one.availableBytes],
  ['used_bytes', 'Number of used bytes in the volume', (one) => one.usedBytes],
  ['inodes', 'Maximum number of inodes in the volume', (one) => one.inodes],
  ['inodes_free', 'Number of free inodes in the volume', (one) => one.inodesFree],
  ['inodes_used', 'Number of used inodes in the volume', (one) => one.inodesUsed],
  [
    'health_status_abnormal',
    'Abnormal volume health status. The count is either 1 or 0. 1 indicates the volume is unhealthy, 0 indicates volume is healthy',
    ({ abnormal }) => (abnormal === undefined ? undefined : Number(abnormal)),
  ],
];

/** `kubelet_volume_stats_*`: one series for each claim, however many pods use it. */
export class ClaimGauges {
  readonly #gauges: readonly (readonly [gauge: Gauge, figure: Figure])[];
  #shown = new Map<string, Record<string, string>>();

  constructor(metrics: Metrics) {
    const labelNames = ['namespace', 'persistentvolumeclaim'];
    this.#gauges = GAUGES.map(([name, help, figure]) => [
      metrics.gauge({ name: `kubelet_volume_stats_${name}`, help, labelNames }),
      figure,
    ]);
  }

  /** Series of claims that are not among them disappear. */
  show(volumes: readonly VolumeFigures[]): void {
    const before = this.#shown;
    this.#shown = new Map();
    for (const volume of volumes) {
      const { claim } = volume;
      if (claim === undefined) continue;
      const key = `${claim.namespace}/${claim.name}`;
      if (this.#shown.has(key)) continue;
      const labels = { namespace: claim.namespace, persistentvolumeclaim: claim.name };
      this.#shown.set(key, labels);
      for (const [gauge, figure] of this.#gauges) {
        const value = figure(volume);
        if (value !== undefined) gauge.set(value, labels);
      }
    }
    for (const [key, labels] of before) {
      if (this.#shown.has(key)) continue;
      for (const [gauge] of this.#gauges) gauge.remove(labels);
    }
  }
}
