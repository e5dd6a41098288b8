import { IpvsError } from './errors.js';
import { formatOperation, type Operation } from './operation.js';

/** An operation that the kernel refused, with the reason. */
export interface FailedOperation {
  readonly operation: Operation;
  readonly error: IpvsError;
}

/**
 * `IPVS_PARTIAL`: the kernel continues after a failed operation and undoes nothing, so every
 * operation is either among `failed` or done.
 */
export class IpvsApplyError extends IpvsError {
  readonly done: readonly Operation[];
  readonly failed: readonly FailedOperation[];

  constructor(done: readonly Operation[], failed: readonly FailedOperation[]) {
    const total = done.length + failed.length;
    const shown = failed
      .slice(0, 3)
      .map(({ operation, error }) => `${formatOperation(operation)}: ${error.message}`);
    const more = failed.length > shown.length ? `; and ${failed.length - shown.length} more` : '';
    super(
      'IPVS_PARTIAL',
      `${failed.length} of ${total} operations failed: ${shown.join('; ')}${more}`,
      {
        cause: failed[0]?.error,
      },
    );
    this.done = done;
    this.failed = failed;
  }
}
