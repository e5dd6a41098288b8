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
/** Most that the end of a pod waits for its volume to leave the node; a driver may hang. */
const PATIENCE_MS = 2000;

/**
 * Takes volumes from the node after their last pod. Neither a failure nor a driver that hangs holds
 * up a pod, or another volume: the volume stays in use for the cluster, and is released again after
 * its wait.
 */
export class Releases {
  readonly #options: ReleasesOptions;
  readonly #wake = new Wake();
  /** By the volume's name. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** The time of `run`: a release outlives the end of its pod. */
  #signal: AbortSignal | undefined;

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the volume has left or could not, or after two seconds, while the work goes on.
   *
   * @param work safe to repeat; without effect if a pod has the volume again
   */
  async release(volume: StagedVolume, work: ScopeTask, signal: AbortSignal): Promise<void> {
    if (this.#isUsed(volume)) return;
    const { volume: name } = operationOn(volume);
    const earlier = this.#underWay.get(name) ?? Promise.resolve();
    const done = earlier.then(() => this.#attempt(volume, work, this.#signal ?? signal));
    const ended = done.finally(() => {
      if (this.#underWay.get(name) === ended) this.#underWay.delete(name);
      this.#wake.wake();
    });
    this.#underWay.set(name, ended);
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    await Promise.race([ended, this.#options.clock.sleep(PATIENCE_MS, either)]);
    over.abort();
  }

  async #attempt(volume: StagedVolume, work: ScopeTask, signal: AbortSignal): Promise<void> {
    const { backoff, log, onGone } = this.#options;
    const operation = operationOn(volume);
    if (this.#isUsed(volume)) return;
    try {
      await backoff.attempt(operation, () => work(signal), signal);
      if (!this.#isUsed(volume)) onGone(operation.volume);
    } catch (err) {
      if (signal.aborted) return;
      const retryInMs = backoff.waitMs(operation);
      log.warn({ volume: operation.volume, retryInMs, err }, 'unused volume not unstaged');
    }
  }

  /** @param release takes one volume down by `release` above */
  async run(
    release: (volume: StagedVolume, signal: AbortSignal) => Promise<void>,
    sweep: ScopeTask,
    signal: AbortSignal,
  ): Promise<void> {
    const { actual, backoff, clock, log } = this.#options;
    this.#signal = signal;
    let sweepAtMs = clock.monotonicMs() + SWEEP_MS;
    while (!signal.aborted) {
      const idle = actual.staged().filter((one) => !this.#underWay.has(operationOn(one).volume));
      const held = idle.map((volume) => ({
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
      if (plan.release.length > 0 || sweepInMs <= 0) continue;
      await this.#wake.waitAtMost(plan.waitMs, clock, signal);
    }
    await Promise.all(this.#underWay.values());
  }

  #isUsed({ driver, volumeHandle }: StagedVolume): boolean {
    return this.#options.actual.users(driver, volumeHandle).length > 0;
  }
}

function operationOn({ driver, volumeHandle, device }: StagedVolume): RepeatedOperation {
  const operation = device === undefined ? 'unmount_device' : 'unmap_device';
  return { volume: uniqueName(driver, volumeHandle), operation };
}
