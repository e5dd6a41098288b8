import { type Clock, type Logger, type ScopeTask, Wake } from '@nodeagent/base';

import { planReleases } from '../../disks/index.js';
import type { RepeatedOperation, VolumeBackoff } from '../../disks/run/index.js';
import { uniqueName } from '../model/csi-paths.js';
import type { ActualVolumes, StagedVolume } from './actual-volumes.js';

export interface ReleasesOptions {
  readonly actual: Pick<ActualVolumes, 'staged' | 'users'>;
  readonly backoff: VolumeBackoff;
  /** The volume has left the node. */
  readonly onGone: (name: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Interval of looking for unused volumes, besides the end of each pod. */
const SWEEP_MS = 60_000;

/**
 * Takes volumes from the node after their last pod. A failure holds up no pod: the volume stays in
 * use for the cluster, and is released again after its wait.
 */
export class Releases {
  readonly #options: ReleasesOptions;
  readonly #wake = new Wake();

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  /** @param work safe to repeat; without effect if a pod has the volume again */
  async release(
    volume: StagedVolume,
    work: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { backoff, log, onGone } = this.#options;
    const operation = operationOn(volume);
    if (this.#isUsed(volume)) return;
    try {
      await backoff.attempt(operation, work, signal);
      if (!this.#isUsed(volume)) onGone(operation.volume);
    } catch (err) {
      signal.throwIfAborted();
      const retryInMs = backoff.waitMs(operation);
      log.warn({ volume: operation.volume, retryInMs, err }, 'unused volume not unstaged');
      this.#wake.wake();
    }
  }

  /** @param release takes one volume down by `release` above */
  async run(
    release: (volume: StagedVolume, signal: AbortSignal) => Promise<void>,
    sweep: ScopeTask,
    signal: AbortSignal,
  ): Promise<void> {
    const { actual, backoff, clock, log } = this.#options;
    let sweepAtMs = clock.monotonicMs() + SWEEP_MS;
    for (;;) {
      const held = actual.staged().map((volume) => ({
        volume,
        isUsed: this.#isUsed(volume),
        waitMs: backoff.isFailing(operationOn(volume))
          ? backoff.waitMs(operationOn(volume))
          : undefined,
      }));
      const sweepInMs = sweepAtMs - clock.monotonicMs();
      const plan = planReleases(held, sweepInMs);
      await Promise.all(plan.release.map((volume) => release(volume, signal)));
      if (sweepInMs <= 0) {
        await sweep(signal).catch((err: unknown) => {
          if (!signal.aborted) log.warn({ err }, 'devices of removed pods not unmapped');
        });
        sweepAtMs = clock.monotonicMs() + SWEEP_MS;
      }
      if (signal.aborted) return;
      if (plan.release.length > 0 || sweepInMs <= 0) continue;
      if ((await this.#wake.waitAtMost(plan.waitMs, clock, signal)) === 'aborted') return;
    }
  }

  #isUsed({ driver, volumeHandle }: StagedVolume): boolean {
    return this.#options.actual.users(driver, volumeHandle).length > 0;
  }
}

function operationOn({ driver, volumeHandle, device }: StagedVolume): RepeatedOperation {
  const operation = device === undefined ? 'unmount_device' : 'unmap_device';
  return { volume: uniqueName(driver, volumeHandle), operation };
}
