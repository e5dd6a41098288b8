import type { Clock } from '@nodeagent/base';

import { messageOf } from '../../pod/index.js';
import { isVolumeError, VolumeError } from '../../volumes/index.js';
import { afterFailure, type FailedOperation, operationWaitMs } from '../plan/volume-backoff.js';

/** An operation on a volume that is repeated until it succeeds. */
export interface RepeatedOperation {
  /** The unique name of the volume, with the pod's uid if only its part of the volume changes. */
  readonly volume: string;
  /** As in metrics: `volume_mount`. */
  readonly operation: string;
}

/**
 * Spaces the attempts at operations that fail, for each volume by itself: neither several pods that
 * need a volume, nor many changes of one, make a failing driver busier.
 */
export class VolumeBackoff {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #failed = new Map<string, FailedOperation>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** @throws {VolumeError} `VOLUME_PENDING` with the last failure until its wait is over */
  async attempt<T>(
    { volume, operation }: RepeatedOperation,
    work: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const before = this.#failed.get(volume);
    if (before !== undefined && this.waitMs({ volume, operation }) > 0) {
      const { error } = before;
      const step = isVolumeError(error) ? error.step : undefined;
      const options = { cause: error, ...(step !== undefined && { step }) };
      throw new VolumeError('VOLUME_PENDING', messageOf(error), options);
    }
    try {
      const result = await work();
      this.#failed.delete(volume);
      return result;
    } catch (error) {
      // The work of other components is no failure of this one.
      const isElsewhere = isVolumeError(error, 'VOLUME_PENDING', 'VOLUME_LIMIT');
      if (signal.aborted || isElsewhere) throw error;
      const nowMs = this.#clock.monotonicMs();
      const last = this.#failed.get(volume);
      this.#failed.set(volume, afterFailure(last, { operation, error }, nowMs));
      throw error;
    }
  }

  /** Milliseconds until the operation may be attempted. */
  waitMs({ volume, operation }: RepeatedOperation): number {
    return operationWaitMs(this.#failed.get(volume), operation, this.#clock.monotonicMs());
  }

  /** True if the last attempt failed. */
  isFailing({ volume, operation }: RepeatedOperation): boolean {
    return this.#failed.get(volume)?.operation === operation;
  }
}
