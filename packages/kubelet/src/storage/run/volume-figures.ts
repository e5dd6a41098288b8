import type { Clock, Logger } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import type { PodEvents } from '../../pod/index.js';
import type { VolumeFigures } from '../../volumes/index.js';
import { volumeFigures } from '../plan/volume-figures.js';
import type { DriverLookup } from './csi-drivers.js';
import { capabilitiesOf } from './csi-mounting.js';

/** The size of a file system, by statfs(2). */
export interface FileSystemSize {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** The way to measure a volume: a call to its driver, or the file system at its path. */
export type Measurable = Readonly<{
  name: string;
  claim: VolumeFigures['claim'];
  by:
    | Readonly<{ kind: 'driver'; driver: string; volumeHandle: string; path: string }>
    | Readonly<{ kind: 'file-system'; path: string }>;
}>;

export interface FigureReaderOptions {
  readonly drivers: DriverLookup;
  readonly fileSystem: (path: string) => Promise<FileSystemSize | undefined>;
  /** Drivers are also asked for a volume's health: feature gate CSIVolumeHealth. */
  readonly asksHealth: boolean;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @see Kubernetes 1.36 pkg/kubelet/server/stats/volume_stat_calculator.go */
export class FigureReader {
  readonly #options: FigureReaderOptions;

  constructor(options: FigureReaderOptions) {
    this.#options = options;
  }

  /** Volumes that cannot be measured are left out. */
  async read(
    pod: Pod,
    volumes: readonly Measurable[],
    signal: AbortSignal,
  ): Promise<readonly VolumeFigures[]> {
    const found: VolumeFigures[] = [];
    for (const volume of volumes) {
      try {
        const figures = await this.#measure(pod, volume, signal);
        if (figures !== undefined) found.push(figures);
      } catch (err) {
        signal.throwIfAborted();
        this.#options.log.debug({ volume: volume.name, err }, 'volume not measured');
      }
    }
    return found;
  }

  async #measure(
    pod: Pod,
    { name, claim, by }: Measurable,
    signal: AbortSignal,
  ): Promise<VolumeFigures | undefined> {
    const { drivers, fileSystem, clock, events, asksHealth } = this.#options;
    const of = { name, claim, atMs: clock.nowMs() };
    if (by.kind === 'file-system') {
      const size = await fileSystem(by.path);
      if (size === undefined) return undefined;
      return { ...of, ...size, inodesUsed: size.inodes - size.inodesFree, abnormal: undefined };
    }
    const node = drivers.node(by.driver);
    const capabilities = await capabilitiesOf(node, signal);
    if (!capabilities.has('get-volume-stats')) return undefined;
    const request = { volumeId: by.volumeHandle, volumePath: by.path };
    const stats = await node.getVolumeStats(request, signal);
    const health = asksHealth && capabilities.has('volume-condition');
    const condition = health ? stats.volumeCondition : undefined;
    if (condition?.abnormal === true) {
      events.warning(pod, 'VolumeConditionAbnormal', `Volume ${name}: ${condition.message}`);
    }
    return { ...of, ...volumeFigures(stats.usage), abnormal: condition?.abnormal };
  }
}
