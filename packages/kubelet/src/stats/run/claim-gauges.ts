import type { Gauge, Metrics } from '@nodeagent/base';

import type { VolumeFigures } from '../../volumes/index.js';

type Figure = (volume: VolumeFigures) => number | undefined;

/**
 * `kubelet_volume_stats_*`: one series for each claim, however many pods use it.
 *
 * @see Kubernetes 1.36 pkg/kubelet/metrics/collectors/volume_stats.go
 */
export class ClaimGauges {
  readonly #gauges: readonly (readonly [gauge: Gauge, figure: Figure])[];
  #shown = new Map<string, Record<string, string>>();

  constructor(metrics: Metrics) {
    const labelNames = ['namespace', 'persistentvolumeclaim'];
    const gauge = (name: string, help: string): Gauge => metrics.gauge({ name, help, labelNames });
    const stats = 'kubelet_volume_stats';
    this.#gauges = [
      [gauge(`${stats}_capacity_bytes`, 'Capacity of the volume.'), (one) => one.capacityBytes],
      [gauge(`${stats}_available_bytes`, 'Free space of the volume.'), (one) => one.availableBytes],
      [gauge(`${stats}_used_bytes`, 'Used space of the volume.'), (one) => one.usedBytes],
      [gauge(`${stats}_inodes`, 'Number of inodes of the volume.'), (one) => one.inodes],
      [gauge(`${stats}_inodes_free`, 'Free inodes of the volume.'), (one) => one.inodesFree],
      [gauge(`${stats}_inodes_used`, 'Used inodes of the volume.'), (one) => one.inodesUsed],
      [
        gauge(`${stats}_health_status_abnormal`, '1 if the volume is unhealthy, otherwise 0.'),
        ({ abnormal }) => (abnormal === undefined ? undefined : Number(abnormal)),
      ],
    ];
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
