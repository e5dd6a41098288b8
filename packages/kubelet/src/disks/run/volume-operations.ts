import type { MeteredOperation } from '../model/volume-operation.js';
import type { VolumeBackoff } from './volume-backoff.js';

export interface OperationMeter {
  operation<T>(operation: MeteredOperation, work: () => Promise<T>): Promise<T>;
}

/** An operation that is metered, and repeated until it succeeds. */
export interface VolumeOperation extends MeteredOperation {
  /** The unique name of the volume, with the pod's uid if only its part of the volume changes. */
  readonly volume: string;
}

/** Operations on volumes, each with its volume's back-off. Those that wait are not metered. */
export class VolumeOperations {
  readonly #backoff: VolumeBackoff;
  readonly #meter: OperationMeter;

  constructor(backoff: VolumeBackoff, meter: OperationMeter) {
    this.#backoff = backoff;
    this.#meter = meter;
  }

  /** @throws {VolumeError} `VOLUME_PENDING` with the last failure until its wait is over */
  attempt<T>(
    { volume, ...operation }: VolumeOperation,
    work: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const metered = (): Promise<T> => this.#meter.operation(operation, work);
    return this.#backoff.attempt({ volume, operation: operation.name }, metered, signal);
  }
}
